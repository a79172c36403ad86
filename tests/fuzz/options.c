/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: what the environment may hold: BRKMALLOC, the file of BRKMALLOC_CONF, GLIBC_TUNABLES
 * and MALLOC_ variables with any text. Values stay in range, each complaint is one line of
 * printable length, an attacker's variables change nothing that they must not, and the options in
 * force can be written down and read again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/options.h"
#include "kit/options_read.h"
#include "kit/options_tell.h"
#include "kit/report.h"
#include "os_fake.h"
#include "source.h"
#include "target.h"

static _Noreturn void finding(const char *condition, int line)
{
    fprintf(stderr, "options: not %s (line %d)\n%s\n", condition, line, fake_os_text());
    abort();
}

#define expect(condition) ((condition) ? (void)0 : finding(#condition, __LINE__))

static void expect_values_in_range(void)
{
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        expect(brkm__option_get(option) <= brkm__option_rows[option].largest);
    }
}

/* Bytes of messages from which on the fake system may have cut the last one. */
#define MESSAGES_MAX 65000

/* Every line begins with our name or, in the list of options, with a blank, and is not too long. */
static void expect_lines(const char *all)
{
    const char *text = all;
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        if (end == NULL) {
            expect(strlen(all) >= MESSAGES_MAX);
            return;
        }
        expect((size_t)(end - text) < BRKM_REPORT_LINE);
        expect(strncmp(text, "brkmalloc: ", 11) == 0 || text[0] == ' ');
        for (const char *letter = text; letter < end; letter++) {
            expect((unsigned char)*letter >= ' ' && *letter != 0x7f);
        }
        text = end + 1;
    }
}

/* What set-user-id programs take from the environment. */
static void expect_only_safe_ones_are_set(void)
{
    expect(fake_os_text()[0] == '\0');
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        expect(!brkm__option_is_set(option) || brkm__option_rows[option].security == OPTION_SAFE);
    }
}

/* "key:value," */
static int print_option(char *text, size_t room, enum option option)
{
    const struct option_row *row = &brkm__option_rows[option];
    size_t value = brkm__option_get(option);
    if (row->type == OPTION_TYPE_WORD) {
        return snprintf(text, room, "%s:%s,", row->name, row->words[value]);
    }
    return snprintf(text, room, "%s:%zu,", row->name, value);
}

/* All values as text, read again: the same values and no complaint. */
static void expect_values_survive(void)
{
    static char text[64 * OPTION_COUNT];
    size_t values[OPTION_COUNT];
    size_t length = 0;
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        values[option] = brkm__option_get(option);
        length += (size_t)print_option(text + length, sizeof(text) - length, option);
    }
    fake_os.variables = NULL;
    fake_os.secure_mode = false;
    fake_os.environment = text;
    fake_os_forget_text();
    brkm__environment_read();
    expect(fake_os_text()[0] == '\0');
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        expect(brkm__option_get(option) == values[option]);
    }
}

/* Cuts `text` at the next byte 1; what follows is the next variable. */
static char *cut(char **text)
{
    char *start = *text;
    char *end = strchr(start, 1);
    if (end == NULL) {
        *text = start + strlen(start);
    } else {
        *end = '\0';
        *text = end + 1;
    }
    return start;
}

/* The first byte chooses the system, the rest is text for each variable in turn, ended by bytes of
 * value 1. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    target_begin();
    fake_os_start(4096, 0);
    struct source source = {bytes, length};
    unsigned system = source_byte(&source);
    char *text = malloc(source.length + 1);
    if (text == NULL) {
        return 0;
    }
    if (source.length != 0) {
        memcpy(text, source.bytes, source.length);
    }
    text[source.length] = '\0';
    char *rest = text;
    fake_os.environment = cut(&rest);
    fake_os.file_path = "options";
    fake_os.file_text = cut(&rest);
    const char *variables[] = {
        "BRKMALLOC_CONF",
        (system & 2) != 0 ? "options" : "absent",
        "GLIBC_TUNABLES",
        cut(&rest),
        "MALLOC_TRIM_THRESHOLD_",
        cut(&rest),
        "MALLOC_PERTURB_",
        cut(&rest),
        "MALLOC_MMAP_MAX_",
        cut(&rest),
        NULL,
    };
    fake_os.variables = variables;
    fake_os.secure_mode = (system & 1) != 0;
    brkm__environment_read();
    expect_values_in_range();
    expect_lines(fake_os_text());
    if (fake_os.secure_mode) {
        expect_only_safe_ones_are_set();
    }
    fake_os_forget_text();
    brkm__options_tell();
    expect_lines(fake_os_text());
    expect_values_survive();
    free(text);
    return 0;
}
