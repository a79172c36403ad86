/* SPDX-License-Identifier: MIT
 * See report.h. */
#include "kit/report.h"

#include <stdatomic.h>
#include <string.h>

#include "base/probes.h"
#include "kit/backtrace.h"
#include "kit/where.h"
#include "system/os.h"

static const char *const fault_words[] = {
#define BRKM_FAULT_WORDS(name, words) [FAULT_##name] = words,
    BRKM_FAULTS(BRKM_FAULT_WORDS)
#undef BRKM_FAULT_WORDS
};

/* Set once, before the message; read by every lock. Relaxed: it orders nothing. */
static atomic_bool fatal_begun;

void brkm__line_add_span(struct line *line, const char *text, size_t length)
{
    /* One byte stays for the newline. */
    length = min_size(length, sizeof(line->text) - 1 - line->length);
    memcpy(line->text + line->length, text, length);
    line->length += length;
}

void brkm__line_add_text(struct line *line, const char *text)
{
    brkm__line_add_span(line, text, strlen(text));
}

static void add_digits(struct line *line, uint64_t number, unsigned base)
{
    char digits[20];
    size_t start = sizeof(digits);
    do {
        digits[--start] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    brkm__line_add_span(line, digits + start, sizeof(digits) - start);
}

void brkm__line_add_number(struct line *line, uint64_t number)
{
    add_digits(line, number, 10);
}

void brkm__line_add_pointer(struct line *line, const void *pointer)
{
    brkm__line_add_text(line, "0x");
    add_digits(line, (uintptr_t)pointer, 16);
}

const char *brkm__line_text(struct line *line)
{
    /* In the place of the newline. */
    line->text[line->length] = '\0';
    return line->text;
}

void brkm__line_write(struct line *line)
{
    line->text[line->length++] = '\n';
    brkm__os_write_error(line->text, line->length);
    line->length = 0;
}

bool brkm__fatal_has_begun(void)
{
    return atomic_load_explicit(&fatal_begun, memory_order_relaxed);
}

void brkm__report(const char *access, enum fault fault, struct fault_place place)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: ");
    if (access != NULL) {
        brkm__line_add_text(&line, access);
        brkm__line_add_text(&line, " ");
    }
    brkm__line_add_text(&line, fault_words[fault]);
    brkm__line_add_text(&line, " at ");
    brkm__line_add_pointer(&line, place.address);
    brkm__line_add_text(&line, " (");
    if (place.block_size != 0) {
        brkm__line_add_text(&line, "block of ");
        brkm__line_add_number(&line, place.block_size);
        brkm__line_add_text(&line, " bytes, ");
    }
    brkm__line_add_text(&line, "called from ");
    brkm__line_add_text(&line, place.caller);
    brkm__line_add_text(&line, ")");
    brkm__line_write(&line);
    probe_fault(fault_words[fault], place.address, place.block_size, place.caller);
}

/* Written once, before other threads exist. */
static void (*add_to_fatal)(const void *address);

void brkm__fatal_adds_by(void (*add)(const void *address))
{
    relaxed_store(add_to_fatal, add);
}

_Noreturn void brkm__fatal(enum fault fault, struct fault_place place)
{
    atomic_store_explicit(&fatal_begun, true, memory_order_relaxed);
    if (place.caller == NULL) {
        place.caller = brkm__backtrace_called();
    }
    brkm__report(NULL, fault, place);
    brkm__where_tell();
    if (relaxed_load(add_to_fatal) != NULL) {
        add_to_fatal(place.address);
    }
    brkm__os_abort();
}

_Noreturn void brkm__assertion_failed(const char *text, const char *file, int line_number)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: ");
    brkm__line_add_text(&line, file);
    brkm__line_add_text(&line, ":");
    brkm__line_add_number(&line, (uint64_t)line_number);
    brkm__line_add_text(&line, ": ");
    brkm__line_add_text(&line, text);
    brkm__line_write(&line);
    brkm__fatal(FAULT_ASSERTION, (struct fault_place){.address = NULL});
}
