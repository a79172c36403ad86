/* SPDX-License-Identifier: MIT
 * See options_value.h. */
#include "kit/options_value.h"

#include <signal.h>

/* Letters of others that a message repeats, of a path its last. */
#define QUOTED_MAX 64
#define PATH_MAX_SHOWN 200

/* ---- Reading ---- */

static bool parse_flag(struct span text, size_t *value)
{
    *value = span_is(text, "true") || span_is(text, "1");
    return *value == 1 || span_is(text, "false") || span_is(text, "0");
}

static unsigned digit_of(char letter)
{
    static const char digits[] = "0123456789abcdef";
    const char *found =
        letter == '\0' ? NULL : strchr(digits, letter <= '9' ? letter : letter | 0x20);
    return found == NULL ? UINT32_MAX : (unsigned)(found - digits);
}

bool span_to_number(struct span text, unsigned base, size_t *value)
{
    *value = 0;
    for (size_t i = 0; i < text.length; i++) {
        unsigned digit = digit_of(text.text[i]);
        if (digit >= base) {
            return false;
        }
        if (__builtin_mul_overflow(*value, base, value) ||
            __builtin_add_overflow(*value, digit, value)) {
            *value = SIZE_MAX;
        }
    }
    return text.length > 0;
}

/* Decimal, or hexadecimal behind 0x. */
static bool parse_number(struct span text, size_t *value)
{
    unsigned base = 10;
    if (text.length > 2 && text.text[0] == '0' && (text.text[1] | 0x20) == 'x') {
        base = 16;
        text.text += 2;
        text.length -= 2;
    }
    return span_to_number(text, base, value);
}

static bool parse_size(struct span text, size_t *value)
{
    size_t unit = 1;
    char last = text.length > 1 ? (char)(text.text[text.length - 1] | 0x20) : '\0';
    if (letter_is_in("kmg", last)) {
        unit = last == 'k' ? BRKM_KIB : last == 'm' ? BRKM_MIB : BRKM_GIB;
        text.length--;
    }
    bool is_number = parse_number(text, value);
    if (__builtin_mul_overflow(*value, unit, value)) {
        *value = SIZE_MAX;
    }
    return is_number;
}

/* Those that somebody may want to send by hand. */
static const struct {
    const char *name;
    uint8_t number;
} signals[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},     {"QUIT", SIGQUIT},     {"KILL", SIGKILL},
    {"USR1", SIGUSR1}, {"USR2", SIGUSR2},   {"PIPE", SIGPIPE},     {"ALRM", SIGALRM},
    {"TERM", SIGTERM}, {"CHLD", SIGCHLD},   {"CONT", SIGCONT},     {"STOP", SIGSTOP},
    {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN},   {"TTOU", SIGTTOU},     {"URG", SIGURG},
    {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},   {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF},
    {"IO", SIGIO},     {"WINCH", SIGWINCH}, {"PWR", SIGPWR},       {"SYS", SIGSYS},
};

/* A number, or a name with or without SIG. */
static bool parse_signal(struct span text, size_t *value)
{
    if (text.length > 3 && memcmp(text.text, "SIG", 3) == 0) {
        text.text += 3;
        text.length -= 3;
    }
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (span_is(text, signals[i].name)) {
            *value = signals[i].number;
            return true;
        }
    }
    return parse_number(text, value);
}

static bool parse(enum option option, struct span text, size_t *value)
{
    switch (brkm__option_rows[option].type) {
    case OPTION_TYPE_FLAG:
        return parse_flag(text, value);
    case OPTION_TYPE_NUMBER:
        return parse_number(text, value);
    case OPTION_TYPE_SIGNAL:
        return parse_signal(text, value);
    case OPTION_TYPE_WORD:
        return brkm__option_find_word(option, text.text, text.length, value);
    case OPTION_TYPE_SIZE:
        break;
    }
    return parse_size(text, value);
}

static const char *const type_remedies[] = {
    [OPTION_TYPE_FLAG] = "it takes true or false",
    [OPTION_TYPE_NUMBER] = "it takes a number",
    [OPTION_TYPE_SIZE] = "it takes a number with an optional k, m or g",
    [OPTION_TYPE_SIGNAL] = "it takes the number or the name of a signal, such as USR1",
};

/* What an option takes, as the end of a message. */
static void add_remedy(struct line *remedy, enum option option)
{
    const struct option_row *row = &brkm__option_rows[option];
    if (row->type != OPTION_TYPE_WORD) {
        brkm__line_add_text(remedy, type_remedies[row->type]);
        return;
    }
    brkm__line_add_text(remedy, "it takes ");
    for (size_t value = 0; value <= row->largest; value++) {
        const char *separator = value == 0 ? "" : value < row->largest ? ", " : " or ";
        brkm__line_add_text(remedy, separator);
        brkm__line_add_text(remedy, row->words[value]);
    }
}

void brkm__option_add_too_large(struct line *line, enum option option)
{
    brkm__line_add_text(line, "it is too large, the largest is ");
    brkm__option_add_readable(line, option, brkm__option_rows[option].largest);
}

bool brkm__option_parse(enum option option, struct span text, size_t *value, struct line *remedy)
{
    if (!brkm__option_is_built(option)) {
        brkm__line_add_text(remedy, "this library was built without it");
    } else if (!parse(option, text, value)) {
        add_remedy(remedy, option);
    } else if (*value > brkm__option_rows[option].largest) {
        brkm__option_add_too_large(remedy, option);
    }
    return remedy->length == 0;
}

/* ---- Writing ---- */

void brkm__option_add_value(struct line *line, enum option option, size_t value)
{
    const struct option_row *row = &brkm__option_rows[option];
    if (row->type == OPTION_TYPE_FLAG) {
        brkm__line_add_text(line, value != 0 ? "true" : "false");
    } else if (row->type == OPTION_TYPE_WORD) {
        brkm__line_add_text(line, row->words[value]);
    } else {
        brkm__line_add_number(line, value);
    }
}

void brkm__option_add_readable(struct line *line, enum option option, size_t value)
{
    const char *unit = "\0kmg";
    bool is_size = brkm__option_rows[option].type == OPTION_TYPE_SIZE;
    while (is_size && value != 0 && value % BRKM_KIB == 0 && *unit != 'g') {
        value /= BRKM_KIB;
        unit++;
    }
    brkm__option_add_value(line, option, value);
    brkm__line_add_span(line, unit, *unit != '\0');
}

void brkm__option_add_setting(struct line *line, enum option option)
{
    const char *source = brkm__option_source(option);
    brkm__line_add_text(line, brkm__option_rows[option].name);
    brkm__line_add_text(line, ":");
    brkm__option_add_value(line, option, brkm__option_get(option));
    brkm__line_add_text(line, " (");
    brkm__line_add_text(line, source == NULL ? "default" : source);
    brkm__line_add_text(line, ")");
}

/* ---- Where from ---- */

/* Written by the constructor alone. */
static struct origin origins[OPTION_COUNT];

void brkm__option_note_origin(enum option option, struct origin origin)
{
    origins[option] = origin;
}

struct origin brkm__option_origin(enum option option)
{
    struct origin origin = origins[option];
    origin.variable = brkm__option_source(option);
    return origin;
}

/* Control characters could pretend to be a line of their own, or steer a terminal. */
static void add_printable(struct line *line, struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        bool is_control = (unsigned char)text.text[i] < ' ' || text.text[i] == 0x7f;
        brkm__line_add_span(line, is_control ? "?" : text.text + i, 1);
    }
}

static void add_origin(struct line *line, struct origin origin)
{
    struct span path = span_of(origin.path == NULL ? origin.variable : origin.path);
    if (path.length > PATH_MAX_SHOWN) {
        brkm__line_add_text(line, "...");
        path.text += path.length - PATH_MAX_SHOWN;
        path.length = PATH_MAX_SHOWN;
    }
    add_printable(line, path);
    if (origin.path != NULL) {
        brkm__line_add_text(line, ":");
        brkm__line_add_number(line, origin.line);
    }
}

void brkm__option_complain(struct origin origin, const char *what, struct span about,
                           const char *remedy)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: ");
    add_origin(&line, origin);
    brkm__line_add_text(&line, ": ");
    brkm__line_add_text(&line, what);
    brkm__line_add_text(&line, " \"");
    about.length = min_size(about.length, QUOTED_MAX);
    add_printable(&line, about);
    brkm__line_add_text(&line, "\" has no effect; ");
    brkm__line_add_text(&line, remedy);
    brkm__line_write(&line);
}
