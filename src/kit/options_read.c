/* SPDX-License-Identifier: MIT
 * See options_read.h. */
#include "kit/options_read.h"

#include <string.h>

#include "kit/options.h"
#include "kit/report.h"
#include "system/os.h"

/* Bytes of a file of options, beyond any that people write. */
#define FILE_MAX (64 * BRKM_KIB)

/* Bytes of a bad key or value that a message repeats. */
#define QUOTED_MAX 64

/* Letters of a line in a list of options. */
#define LIST_WIDTH 78

/* ---- Text ---- */

/* A stretch of text. */
struct span {
    const char *text;
    size_t length;
};

static struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static bool span_is(struct span span, const char *word)
{
    return strlen(word) == span.length && memcmp(span.text, word, span.length) == 0;
}

/* Cuts *rest at the first `separator` and returns what stands before it. */
static struct span cut(struct span *rest, char separator)
{
    const char *found = memchr(rest->text, separator, rest->length);
    struct span head = {rest->text, found == NULL ? rest->length : (size_t)(found - rest->text)};
    size_t taken = head.length + (found != NULL);
    rest->text += taken;
    rest->length -= taken;
    return head;
}

static bool is_blank(char letter)
{
    return letter == ' ' || letter == '\t' || letter == '\r';
}

static struct span without_blanks(struct span span)
{
    while (span.length > 0 && is_blank(span.text[0])) {
        span.text++;
        span.length--;
    }
    while (span.length > 0 && is_blank(span.text[span.length - 1])) {
        span.length--;
    }
    return span;
}

/* ---- Messages ---- */

/* Control characters could pretend to be a line of their own, or steer a terminal. */
static void add_quoted(struct line *line, struct span text)
{
    size_t length = min_size(text.length, QUOTED_MAX);
    for (size_t i = 0; i < length; i++) {
        bool is_control = (unsigned char)text.text[i] < ' ' || text.text[i] == 0x7f;
        brkm__line_add_span(line, is_control ? "?" : text.text + i, 1);
    }
}

static void complain(const char *source, const char *what, struct span about, const char *remedy)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: ");
    brkm__line_add_text(&line, source);
    brkm__line_add_text(&line, ": ");
    brkm__line_add_text(&line, what);
    brkm__line_add_text(&line, " \"");
    add_quoted(&line, about);
    brkm__line_add_text(&line, "\" has no effect; ");
    brkm__line_add_text(&line, remedy);
    brkm__line_write(&line);
}

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

static void complain_of_key(const char *source, struct span key)
{
    const char *nearest = brkm__option_nearest(key.text, key.length);
    if (nearest == NULL) {
        complain(source, "unknown option", key, "the options are:");
        list_keys();
        return;
    }
    struct line remedy = {0};
    brkm__line_add_text(&remedy, "the nearest option is ");
    brkm__line_add_text(&remedy, nearest);
    complain(source, "unknown option", key, remedy.text);
}

/* ---- Values ---- */

static bool parse_flag(struct span text, size_t *value)
{
    *value = span_is(text, "true") || span_is(text, "1");
    return *value == 1 || span_is(text, "false") || span_is(text, "0");
}

static bool parse_digits(struct span text, unsigned base, size_t *value)
{
    size_t number = 0;
    for (size_t i = 0; i < text.length; i++) {
        char digit = text.text[i];
        const char *digits = "0123456789abcdef";
        const char *found =
            digit == '\0' ? NULL : strchr(digits, digit <= '9' ? digit : digit | 0x20);
        size_t worth = found == NULL ? base : (size_t)(found - digits);
        if (worth >= base || __builtin_mul_overflow(number, base, &number) ||
            __builtin_add_overflow(number, worth, &number)) {
            return false;
        }
    }
    *value = number;
    return text.length > 0;
}

static bool parse_size(struct span text, size_t *value)
{
    unsigned shift = 0;
    if (text.length > 1) {
        const char *unit = strchr("kKmMgG", text.text[text.length - 1]);
        if (unit != NULL && *unit != '\0') {
            shift = (*unit | 0x20) == 'k' ? 10 : (*unit | 0x20) == 'm' ? 20 : 30;
            text.length--;
        }
    }
    size_t number;
    if (!parse_digits(text, 10, &number)) {
        return false;
    }
    *value = number << shift;
    return *value >> shift == number;
}

static const char *const type_remedies[] = {
    [OPTION_TYPE_FLAG] = "it takes true or false",
    [OPTION_TYPE_NUMBER] = "it takes a number",
    [OPTION_TYPE_SIZE] = "it takes a number with an optional k, m or g",
};

/* What an option takes, as the end of a message. */
static struct line remedy_of(enum option option)
{
    const struct option_row *row = &brkm__option_rows[option];
    struct line remedy = {0};
    if (row->type != OPTION_TYPE_WORD) {
        brkm__line_add_text(&remedy, type_remedies[row->type]);
        return remedy;
    }
    brkm__line_add_text(&remedy, "it takes ");
    for (size_t value = 0; value <= row->largest; value++) {
        const char *separator = value == 0 ? "" : value < row->largest ? ", " : " or ";
        brkm__line_add_text(&remedy, separator);
        brkm__line_add_text(&remedy, row->words[value]);
    }
    return remedy;
}

static bool parse(enum option option, struct span text, size_t *value)
{
    switch (brkm__option_rows[option].type) {
    case OPTION_TYPE_FLAG:
        return parse_flag(text, value);
    case OPTION_TYPE_NUMBER:
        return parse_digits(text, 10, value);
    case OPTION_TYPE_WORD:
        return brkm__option_find_word(option, text.text, text.length, value);
    case OPTION_TYPE_SIZE:
        break;
    }
    return parse_size(text, value);
}

bool brkm__environment_parse(enum option option, const char *text, size_t length, size_t *value,
                             struct line *remedy)
{
    bool parsed = parse(option, (struct span){text, length}, value);
    if (!parsed) {
        *remedy = remedy_of(option);
    }
    return parsed;
}

/* ---- BRKMALLOC and the file ---- */

static void apply(const char *source, struct span key, struct span value)
{
    enum option option = brkm__option_find(key.text, key.length);
    bool secure = brkm__os_is_secure_mode();
    if (secure && (option == OPTION_COUNT || brkm__option_rows[option].security == OPTION_UNSAFE)) {
        return;
    }
    if (option == OPTION_COUNT) {
        complain_of_key(source, key);
        return;
    }
    size_t number = 0;
    struct line remedy = {0};
    if (!parse(option, value, &number)) {
        remedy = remedy_of(option);
    } else if (!brkm__option_set_from(option, number, source)) {
        brkm__line_add_text(&remedy, "it is too large");
    }
    if (remedy.length != 0 && !secure) {
        complain(source, brkm__option_rows[option].name, value, remedy.text);
    }
}

/* key:value,key:value */
static void apply_list(const char *source, struct span rest)
{
    while (rest.length > 0) {
        struct span value = cut(&rest, ',');
        if (value.length > 0) {
            struct span key = cut(&value, ':');
            apply(source, key, value);
        }
    }
}

/* Lines of the same, in which blanks may stand around keys and values, and comments begin with #.
 */
static void apply_file_text(const char *source, struct span rest)
{
    while (rest.length > 0) {
        struct span line = cut(&rest, '\n');
        struct span items = cut(&line, '#');
        while (items.length > 0) {
            struct span value = without_blanks(cut(&items, ','));
            if (value.length > 0) {
                struct span key = without_blanks(cut(&value, ':'));
                apply(source, key, without_blanks(value));
            }
        }
    }
}

static void read_file(const char *source, const char *path)
{
    char *text = brkm__os_map(FILE_MAX);
    if (text == NULL) {
        return;
    }
    intptr_t length = brkm__os_read_file(path, text, FILE_MAX);
    if (length < 0) {
        complain(source, "the file", span_of(path), "it cannot be read");
    } else if ((size_t)length == FILE_MAX) {
        complain(source, "the file", span_of(path), "it is larger than 64 KiB");
    } else {
        apply_file_text(source, (struct span){text, (size_t)length});
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
    if (!parse_digits(text, base, value)) {
        return false;
    }
    *value = negative ? 0 - *value : *value;
    return true;
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
    size_t number;
    if (!parse_glibc_number(text, &number)) {
        complain(source, knob->tunable, text, "it takes a number");
        return;
    }
    if (!brkm__option_set_from(knob->option, translate(knob->option, number), source)) {
        complain(source, knob->tunable, text, "it is too large");
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
        struct span value = cut(&rest, ':');
        struct span name = cut(&value, '=');
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
        apply_list("BRKMALLOC", span_of(text));
    }
}

static void add_value(struct line *line, enum option option)
{
    const struct option_row *row = &brkm__option_rows[option];
    size_t value = brkm__option_get(option);
    switch (row->type) {
    case OPTION_TYPE_FLAG:
        brkm__line_add_text(line, value != 0 ? "true" : "false");
        break;
    case OPTION_TYPE_WORD:
        brkm__line_add_text(line, row->words[value]);
        break;
    case OPTION_TYPE_NUMBER:
    case OPTION_TYPE_SIZE:
        brkm__line_add_number(line, value);
        break;
    }
}

void brkm__environment_add_setting(struct line *line, enum option option)
{
    const char *source = brkm__option_source(option);
    brkm__line_add_text(line, brkm__option_rows[option].name);
    brkm__line_add_text(line, ":");
    add_value(line, option);
    brkm__line_add_text(line, " (");
    brkm__line_add_text(line, source == NULL ? "default" : source);
    brkm__line_add_text(line, ")");
}

void brkm__environment_confirm(void)
{
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        struct line line = {0};
        brkm__line_add_text(&line, "brkmalloc: option ");
        brkm__environment_add_setting(&line, option);
        brkm__line_write(&line);
    }
}
