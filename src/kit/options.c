/* SPDX-License-Identifier: MIT
 * See options.h. */
#include "kit/options.h"

#include <errno.h>
#include <string.h>

#include "base/facts.h"

/* ---- Rows ---- */

static const char *const thp_words[] = {
    [THP_DEFAULT] = "default", [THP_NEVER] = "never", [THP_ALWAYS] = "always"};
static const char *const kmalloc_limit_words[] = {
    [KMALLOC_LIMIT_4M] = "4m", [KMALLOC_LIMIT_128K] = "128k", [KMALLOC_LIMIT_NONE] = "none"};
static const char *const kmalloc_round_words[] = {
    [KMALLOC_ROUND_FINE] = "fine", [KMALLOC_ROUND_POWER] = "power"};
static const char *const foreign_words[] = {
    [FOREIGN_ABORT] = "abort", [FOREIGN_IGNORE] = "ignore", [FOREIGN_FORWARD] = "forward"};

#define WORDS_OF_FLAG(name) NULL
#define WORDS_OF_NUMBER(name) NULL
#define WORDS_OF_SIZE(name) NULL
#define WORDS_OF_SIGNAL(name) NULL
#define WORDS_OF_WORD(name) name##_words

const struct option_row brkm__option_rows[OPTION_COUNT] = {
#define BRKM_OPTION_ROW(name, type, standard, largest, change, secure, meaning)  \
    {#name,           OPTION_TYPE_##type,    standard, largest, OPTION_##change, \
     OPTION_##secure, WORDS_OF_##type(name), meaning},
    BRKM_OPTIONS(BRKM_OPTION_ROW)
#undef BRKM_OPTION_ROW
};

/* ---- What is not built in ---- */

bool brkm__option_is_built(enum option option)
{
    switch (option) {
    case OPTION_hardened:
    case OPTION_canary:
    case OPTION_zero_freed:
    case OPTION_quarantine:
    case OPTION_random_placement:
    case OPTION_guard_pages:
    case OPTION_guard_zero_size:
    case OPTION_guard_sample:
    case OPTION_guard_sample_slots:
    case OPTION_explain_faults:
    case OPTION_check_at_exit:
        return BRKM_GUARD;
    case OPTION_profile:
    case OPTION_profile_interval:
    case OPTION_profile_at_exit:
    case OPTION_profile_signal:
    case OPTION_profile_growth:
    case OPTION_profile_peak:
    case OPTION_profile_frame_pointers:
    case OPTION_profile_leaks:
    case OPTION_profile_leaks_exit_status:
        return BRKM_PROFILE;
    case OPTION_stats_at_exit:
    case OPTION_stats_json:
        return BRKM_STATS;
    case OPTION_background:
    case OPTION_control:
        return BRKM_SERVICE;
    case OPTION_kmalloc_limit:
    case OPTION_kmalloc_round:
        return BRKM_KERNEL;
    default:
        return true;
    }
}

/* ---- Values ---- */

/* Any thread reads and the program writes at any time; each value stands alone, so relaxed is
 * enough. */
static struct {
    _Atomic(size_t) value;
    _Atomic(const char *) source; /* NULL for the default */
} options[OPTION_COUNT] = {
#define BRKM_OPTION_DEFAULT(name, type, standard, largest, change, secure, meaning) \
    {.value = (standard)},
    BRKM_OPTIONS(BRKM_OPTION_DEFAULT)
#undef BRKM_OPTION_DEFAULT
};

size_t brkm__option_get(enum option option)
{
    return atomic_load_explicit(&options[option].value, memory_order_relaxed);
}

bool brkm__option_set_from(enum option option, size_t value, const char *source)
{
    if (value > brkm__option_rows[option].largest) {
        return false;
    }
    atomic_store_explicit(&options[option].value, value, memory_order_relaxed);
    atomic_store_explicit(&options[option].source, source, memory_order_relaxed);
    return true;
}

bool brkm__option_set(enum option option, size_t value)
{
    return brkm__option_set_from(option, value, "the program");
}

const char *brkm__option_source(enum option option)
{
    return atomic_load_explicit(&options[option].source, memory_order_relaxed);
}

bool brkm__option_is_set(enum option option)
{
    return brkm__option_source(option) != NULL;
}

void brkm__option_raise(enum option option, size_t value)
{
    if (!brkm__option_is_set(option) && value > brkm__option_get(option)) {
        atomic_store_explicit(&options[option].value, value, memory_order_relaxed);
    }
}

/* ---- Names ---- */

static void apply_nothing(void)
{
}

/* Written once, before other threads exist. */
static void (*apply)(void) = apply_nothing;

void brkm__options_applied_by(void (*function)(void))
{
    relaxed_store(apply, function);
}

int brkm__option_change(enum option option, size_t value, const char *source)
{
    if (brkm__option_rows[option].change == OPTION_AT_START) {
        return EPERM;
    }
    if (!brkm__option_set_from(option, value, source)) {
        return EINVAL;
    }
    relaxed_load(apply)();
    return 0;
}

static bool is_text(const char *text, const char *name, size_t length)
{
    return strlen(text) == length && memcmp(text, name, length) == 0;
}

enum option brkm__option_find(const char *name, size_t length)
{
    enum option option = 0;
    while (option < OPTION_COUNT && !is_text(brkm__option_rows[option].name, name, length)) {
        option++;
    }
    return option;
}

bool brkm__option_find_word(enum option option, const char *word, size_t length, size_t *value)
{
    const struct option_row *row = &brkm__option_rows[option];
    for (*value = 0; *value <= row->largest; (*value)++) {
        if (is_text(row->words[*value], word, length)) {
            return true;
        }
    }
    return false;
}

/* Letters of a name that are compared; no option's is longer. */
#define NAME_MAX_LENGTH 32

static char normal(char letter)
{
    bool is_capital = letter >= 'A' && letter <= 'Z';
    return is_capital ? (char)(letter | 0x20) : letter == '-' ? '_' : letter;
}

/* How many letters must be put in, taken out or replaced to make one name of the other, the case
 * aside (Levenshtein; Wagner and Fischer's table, one row of it at a time). */
static size_t distance(const char *name, size_t length, const char *other)
{
    size_t row[NAME_MAX_LENGTH + 1];
    for (size_t i = 0; i <= length; i++) {
        row[i] = i;
    }
    for (size_t j = 0; other[j] != '\0'; j++) {
        size_t diagonal = row[0];
        row[0] = j + 1;
        for (size_t i = 1; i <= length; i++) {
            size_t replaced = diagonal + (normal(name[i - 1]) != other[j]);
            diagonal = row[i];
            row[i] = min_size(replaced, 1 + min_size(row[i], row[i - 1]));
        }
    }
    return row[length];
}

const char *brkm__option_nearest(const char *name, size_t length)
{
    const char *nearest = NULL;
    /* Where most letters differ there is no likeness. */
    size_t least = length / 2 + 1;
    if (length > NAME_MAX_LENGTH) {
        return NULL;
    }
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        size_t found = distance(name, length, brkm__option_rows[option].name);
        if (found < least) {
            least = found;
            nearest = brkm__option_rows[option].name;
        }
    }
    return nearest;
}

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT_ADDRESS("option trim_threshold", &options[OPTION_trim_threshold].value),
    FACT_ADDRESS("option top_pad", &options[OPTION_top_pad].value),
};
