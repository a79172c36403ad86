/* SPDX-License-Identifier: MIT
 * See options_read.h. */
#include "kit/options_read.h"

#include <string.h>

#include "kit/options.h"
#include "kit/options_value.h"
#include "kit/report.h"
#include "system/os.h"

/* Bytes of a file of options, beyond any that people write. */
#define FILE_MAX (64 * BRKM_KIB)

/* Letters of a line in a list of options. */
#define LIST_WIDTH 78

/* ---- Messages ---- */

static void list_keys(void)
{
    struct line line = {0};
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        const char *name = brkm__option_rows[option].name;
        if (line.length + strlen(name) > LIST_WIDTH) {
            brkm__line_write(&line);
        }
        brkm__line_add_text(&line, " ");
        brkm__line_add_text(&line, name);
    }
    brkm__line_write(&line);
}

static void complain_of_key(struct origin origin, struct span key)
{
    const char *nearest = brkm__option_nearest(key.text, key.length);
    if (nearest == NULL) {
        brkm__option_complain(origin, "unknown option", key, "the options are:");
        list_keys();
        return;
    }
    struct line remedy = {0};
    brkm__line_add_text(&remedy, "the nearest option is ");
    brkm__line_add_text(&remedy, nearest);
    brkm__option_complain(origin, "unknown option", key, remedy.text);
}

/* ---- BRKMALLOC and the file ---- */

static void apply(struct origin origin, struct span key, struct span value)
{
    enum option option = brkm__option_find(key.text, key.length);
    bool secure = brkm__os_is_secure_mode();
    if (secure && (option == OPTION_COUNT || brkm__option_rows[option].security == OPTION_UNSAFE)) {
        return;
    }
    if (option == OPTION_COUNT) {
        complain_of_key(origin, key);
        return;
    }
    size_t number = 0;
    struct line remedy = {0};
    if (brkm__option_parse(option, value, &number, &remedy)) {
        brkm__option_set_from(option, number, origin.variable);
        brkm__option_note_origin(option, origin);
    } else if (!secure) {
        brkm__option_complain(origin, brkm__option_rows[option].name, value, remedy.text);
    }
}

/* Blanks may stand around items, keys and values. A key alone is a flag that is on. */
static void apply_item(struct origin origin, struct span item)
{
    struct span rest = span_without_blanks(item);
    if (rest.length > 0) {
        struct span key = span_cut(&rest, ":=");
        bool is_alone = key.text + key.length == rest.text;
        struct span value = is_alone ? span_of("true") : span_without_blanks(rest);
        apply(origin, span_without_blanks(key), value);
    }
}

/* key:value,key:value */
static void apply_list(struct origin origin, struct span rest)
{
    while (rest.length > 0) {
        apply_item(origin, span_cut(&rest, ","));
    }
}

/* Lines of the same, with comments that begin with #. */
static void apply_file_text(struct origin origin, struct span rest)
{
    while (rest.length > 0) {
        struct span line = span_cut(&rest, "\n");
        origin.line++;
        apply_list(origin, span_cut(&line, "#"));
    }
}

static void read_file(const char *variable, const char *path)
{
    struct origin origin = {.variable = variable};
    char *text = brkm__os_map(FILE_MAX);
    if (text == NULL) {
        return;
    }
    intptr_t length = brkm__os_read_file(path, text, FILE_MAX);
    if (length < 0) {
        brkm__option_complain(origin, "the file", span_of(path), "it cannot be read");
    } else if ((size_t)length == FILE_MAX) {
        brkm__option_complain(origin, "the file", span_of(path), "it is larger than 64 KiB");
    } else {
        origin.path = path;
        apply_file_text(origin, (struct span){text, (size_t)length});
    }
    brkm__os_unmap(text, FILE_MAX);
}

/* ---- glibc's variables: an empty value is as good as none ---- */

static const struct glibc_knob {
    const char *variable; /* as glibc's mallopt(3) has it; NULL: there is none */
    const char *tunable;  /* in GLIBC_TUNABLES */
    enum option option;
} glibc_knobs[] = {
    {"MALLOC_TRIM_THRESHOLD_", "glibc.malloc.trim_threshold", OPTION_trim_threshold},
    {"MALLOC_TOP_PAD_", "glibc.malloc.top_pad", OPTION_top_pad},
    {"MALLOC_MMAP_THRESHOLD_", "glibc.malloc.mmap_threshold", OPTION_mapped_threshold},
    {"MALLOC_MMAP_MAX_", "glibc.malloc.mmap_max", OPTION_mapped_count_max},
    {"MALLOC_PERTURB_", "glibc.malloc.perturb", OPTION_perturb},
    {NULL, "glibc.malloc.hugetlb", OPTION_thp},
};

#define GLIBC_KNOBS (sizeof(glibc_knobs) / sizeof(glibc_knobs[0]))

/* A number as strtoul reads it: decimal, 0 and octal, 0x and hexadecimal, or negative. */
static bool parse_glibc_number(struct span text, size_t *value)
{
    bool negative = text.length > 1 && text.text[0] == '-';
    if (negative) {
        text.text++;
        text.length--;
    }
    unsigned base = 10;
    if (text.length > 1 && text.text[0] == '0') {
        bool hexadecimal = text.length > 2 && (text.text[1] | 0x20) == 'x';
        base = hexadecimal ? 16 : 8;
        text.text += hexadecimal ? 2 : 1;
        text.length -= hexadecimal ? 2 : 1;
    }
    bool is_number = span_to_number(text, base, value);
    *value = negative && *value != SIZE_MAX ? 0 - *value : *value;
    return is_number;
}

/* A number of glibc's as the option counts. */
static size_t translate(enum option option, size_t number)
{
    if (option == OPTION_trim_threshold) {
        return min_size(number, brkm__option_rows[option].largest); /* -1 and so on: never */
    }
    if (option == OPTION_thp) { /* 1 asks for transparent huge pages, 2 and more for others */
        return number == 0 ? THP_DEFAULT : number == 1 ? THP_ALWAYS : SIZE_MAX;
    }
    return number;
}

static void apply_glibc(const char *source, const struct glibc_knob *knob, struct span text)
{
    size_t number = 0;
    struct origin origin = {.variable = source};
    struct line remedy = {0};
    if (!parse_glibc_number(text, &number)) {
        brkm__line_add_text(&remedy, "it takes a number");
    } else if (!brkm__option_set_from(knob->option, translate(knob->option, number), source)) {
        brkm__option_add_too_large(&remedy, knob->option);
    }
    if (remedy.length != 0) {
        brkm__option_complain(origin, knob->tunable, text, brkm__line_text(&remedy));
    }
}

static void read_glibc_variables(void)
{
    for (size_t i = 0; i < GLIBC_KNOBS; i++) {
        const char *variable = glibc_knobs[i].variable;
        const char *text = variable == NULL ? NULL : brkm__os_environment(variable);
        if (text != NULL && text[0] != '\0') {
            apply_glibc(variable, &glibc_knobs[i], span_of(text));
        }
    }
}

/* name=value:name=value; most names are about other things than malloc. */
static void read_glibc_tunables(const char *source)
{
    const char *text = brkm__os_environment(source);
    struct span rest = span_of(text == NULL ? "" : text);
    while (rest.length > 0) {
        struct span value = span_cut(&rest, ":");
        struct span name = span_cut(&value, "=");
        for (size_t i = 0; i < GLIBC_KNOBS; i++) {
            if (value.length > 0 && span_is(name, glibc_knobs[i].tunable)) {
                apply_glibc(source, &glibc_knobs[i], value);
            }
        }
    }
}

/* ---- All of it ---- */

void brkm__environment_read(void)
{
    if (!brkm__os_is_secure_mode()) {
        read_glibc_variables();
        read_glibc_tunables("GLIBC_TUNABLES");
        const char *path = brkm__os_environment("BRKMALLOC_CONF");
        if (path != NULL && path[0] != '\0') {
            read_file("BRKMALLOC_CONF", path);
        }
    }
    const char *text = brkm__os_environment("BRKMALLOC");
    if (text != NULL) {
        apply_list((struct origin){.variable = "BRKMALLOC"}, span_of(text));
    }
}
