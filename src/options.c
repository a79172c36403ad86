/* SPDX-License-Identifier: MIT
 * Layer 3: see options.h. */
#include "options.h"

#include <string.h>

#include "os.h"
#include "report.h"

enum option_type { TYPE_FLAG, TYPE_SIZE };

struct option_row {
    const char *name;
    enum option_type type;
    size_t largest;
};

static const struct option_row rows[] = {
#define BRKM_OPTION_ROW(name, type, standard, largest, meaning) {#name, TYPE_##type, largest},
    BRKM_OPTIONS(BRKM_OPTION_ROW)
#undef BRKM_OPTION_ROW
};

/* Any thread reads and mallopt writes at any time; each value stands alone, so relaxed is enough.
 */
static struct {
    _Atomic(size_t) value;
    atomic_bool set_by_user;
} options[OPTION_COUNT] = {
#define BRKM_OPTION_DEFAULT(name, type, standard, largest, meaning) {.value = (standard)},
    BRKM_OPTIONS(BRKM_OPTION_DEFAULT)
#undef BRKM_OPTION_DEFAULT
};

size_t brkm__option_get(enum option option)
{
    return atomic_load_explicit(&options[option].value, memory_order_relaxed);
}

bool brkm__option_set(enum option option, size_t value)
{
    if (value > rows[option].largest) {
        return false;
    }
    atomic_store_explicit(&options[option].value, value, memory_order_relaxed);
    atomic_store_explicit(&options[option].set_by_user, true, memory_order_relaxed);
    return true;
}

bool brkm__option_is_set(enum option option)
{
    return atomic_load_explicit(&options[option].set_by_user, memory_order_relaxed);
}

void brkm__option_raise(enum option option, size_t value)
{
    if (!brkm__option_is_set(option) && value > brkm__option_get(option)) {
        atomic_store_explicit(&options[option].value, value, memory_order_relaxed);
    }
}

/* ---- Reading the environment ---- */

/* A stretch of the environment's text. */
struct span {
    const char *text;
    size_t length;
};

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

static bool parse_flag(struct span text, size_t *value)
{
    *value = span_is(text, "true") || span_is(text, "1");
    return *value == 1 || span_is(text, "false") || span_is(text, "0");
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
    size_t number = 0;
    for (size_t i = 0; i < text.length; i++) {
        char digit = text.text[i];
        if (digit < '0' || digit > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (size_t)(digit - '0'), &number)) {
            return false;
        }
    }
    *value = number << shift;
    return text.length > 0 && *value >> shift == number;
}

static void complain(const char *what, struct span about, const char *remedy)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: BRKMALLOC: ");
    brkm__line_add_text(&line, what);
    brkm__line_add_text(&line, " \"");
    brkm__line_add_span(&line, about.text, min_size(about.length, 64));
    brkm__line_add_text(&line, "\" has no effect; ");
    brkm__line_add_text(&line, remedy);
    brkm__line_write(&line);
}

static void complain_of_key(struct span key)
{
    complain("unknown option", key, "the options are:");
    struct line line = {0};
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        brkm__line_add_text(&line, " ");
        brkm__line_add_text(&line, rows[option].name);
    }
    brkm__line_write(&line);
}

static void apply(struct span key, struct span value)
{
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        if (!span_is(key, rows[option].name)) {
            continue;
        }
        size_t number = 0;
        if (rows[option].type == TYPE_FLAG && !parse_flag(value, &number)) {
            complain(rows[option].name, value, "it takes true or false");
        } else if (rows[option].type == TYPE_SIZE && !parse_size(value, &number)) {
            complain(rows[option].name, value, "it takes a number with an optional k, m or g");
        } else if (!brkm__option_set(option, number)) {
            complain(rows[option].name, value, "it is too large");
        }
        return;
    }
    complain_of_key(key);
}

void brkm__options_read_environment(void)
{
    const char *text = brkm__os_is_secure_mode() ? NULL : brkm__os_environment("BRKMALLOC");
    if (text == NULL) {
        return;
    }
    struct span rest = {text, strlen(text)};
    while (rest.length > 0) {
        struct span value = cut(&rest, ',');
        if (value.length > 0) {
            struct span key = cut(&value, ':');
            apply(key, value);
        }
    }
}
