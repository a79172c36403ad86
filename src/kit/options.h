/* SPDX-License-Identifier: MIT
 * Run-time options: one row per option, and their values. Where values come from is the
 * business of others: options_read.c reads them when the library's constructor runs,
 * process/options_apply.c sets them for the program. */
#ifndef BRKMALLOC_KIT_OPTIONS_H
#define BRKMALLOC_KIT_OPTIONS_H

#include <stdatomic.h>

#include "base/base.h"
#include "base/config.h"

/* X(name, type, default, largest value, change, secure, meaning).
 * Types: FLAG takes true or false, NUMBER a number, SIZE bytes with an optional k, m or g, SIGNAL
 * the number or the name of one, WORD one of the words that options.c lists as NAME_words, which
 * are numbered from 0 on.
 * Change: AT_START options have their effect when the process starts, and only then.
 * Secure: a set-user-id program takes the SAFE ones from its environment, where an attacker may
 * have written them: they neither print, nor read files, nor make malloc fail, nor move a block. */
#define BRKM_OPTIONS(X)                                                                           \
    X(help, FLAG, 0, 1, AT_START, UNSAFE, "print every option to standard error, as here")        \
    X(confirm, FLAG, 0, 1, AT_START, UNSAFE, "print the settings in force to standard error")     \
    X(stats_at_exit, FLAG, 0, 1, ANY_TIME, UNSAFE,                                                \
      "print statistics to standard error when the process exits")                                \
    X(stats_json, FLAG, 0, 1, ANY_TIME, UNSAFE, "the statistics at exit are JSON")                \
    X(mapped_threshold, SIZE, BRKM_MAPPED_THRESHOLD_DEFAULT, BRKM_MAPPED_THRESHOLD_MAX, ANY_TIME, \
      UNSAFE,                                                                                     \
      "blocks of at least this many bytes are mapped; setting it stops the automatic rise")       \
    X(mapped_count_max, NUMBER, BRKM_MAPPED_COUNT_MAX, UINT32_MAX, ANY_TIME, UNSAFE,              \
      "mapped blocks at one time")                                                                \
    X(trim_threshold, SIZE, BRKM_TRIM_THRESHOLD_DEFAULT, PTRDIFF_MAX, ANY_TIME, SAFE,             \
      "free bytes at the heap's end that are given back; setting it stops the automatic rise")    \
    X(top_pad, SIZE, BRKM_TOP_PAD_DEFAULT, BRKM_GIB, ANY_TIME, SAFE,                              \
      "bytes kept free when the end is given back")                                               \
    X(purge_threshold, SIZE, BRKM_PURGE_THRESHOLD_DEFAULT, PTRDIFF_MAX, ANY_TIME, SAFE,           \
      "free bytes inside the heap that stay resident at least")                                   \
    X(keep_memory, FLAG, 0, 1, ANY_TIME, UNSAFE,                                                  \
      "free memory goes back only when the program asks for that, and no block is mapped that "   \
      "the heap can serve")                                                                       \
    X(side_heaps, NUMBER, BRKM_SIDE_HEAPS_MAX, BRKM_SIDE_HEAPS_MAX, ANY_TIME, SAFE,               \
      "heaps beside the main one, for threads that wait for each other; unless set as many as "   \
      "there are processors at most")                                                             \
    X(limit_soft, SIZE, 0, PTRDIFF_MAX, ANY_TIME, UNSAFE,                                         \
      "bytes from the system beyond which free memory is given back before more is asked for")    \
    X(limit_hard, SIZE, 0, PTRDIFF_MAX, ANY_TIME, UNSAFE,                                         \
      "bytes from the system beyond which malloc fails; 0 for no limit")                          \
    X(hardened, FLAG, 0, 1, AT_START, UNSAFE,                                                     \
      "turns on the parts of the hardened mode that are not set otherwise")                       \
    X(canary, FLAG, 0, 1, AT_START, UNSAFE,                                                       \
      "a secret value right behind the bytes asked for, verified when a block is freed")          \
    X(zero_freed, FLAG, 0, 1, AT_START, UNSAFE, "freed memory is cleared, and new memory is")     \
    X(quarantine, SIZE, 0, BRKM_GIB, AT_START, UNSAFE,                                            \
      "bytes of freed blocks that are kept from being used again; 0 for none")                    \
    X(random_placement, FLAG, 0, 1, AT_START, UNSAFE,                                             \
      "which of several free blocks malloc takes is left to chance")                              \
    X(guard_pages, FLAG, 0, 1, AT_START, UNSAFE, "mapped blocks lie between inaccessible pages")  \
    X(guard_zero_size, FLAG, 0, 1, AT_START, UNSAFE,                                              \
      "blocks of size 0 lie on an inaccessible page")                                             \
    X(guard_sample, NUMBER, 0, UINT32_MAX, AT_START, UNSAFE,                                      \
      "one in this many allocations of up to a page lies alone between inaccessible pages; 0: "   \
      "none")                                                                                     \
    X(guard_sample_slots, NUMBER, BRKM_GUARD_SLOTS_DEFAULT, BRKM_GUARD_SLOTS_MAX, AT_START,       \
      UNSAFE, "how many such blocks there may be at one time")                                    \
    X(explain_faults, FLAG, 1, 1, AT_START, UNSAFE,                                               \
      "where an access hits a guard, the block is named before the signal takes its course")      \
    X(check_at_exit, FLAG, 0, 1, AT_START, UNSAFE,                                                \
      "what is checked when blocks are freed is checked for all blocks at exit")                  \
    X(kmalloc_limit, WORD, KMALLOC_LIMIT_4M, KMALLOC_LIMIT_NONE, ANY_TIME, UNSAFE,                \
      "the largest request of kmalloc: today's of the kernel, that of old, or none")              \
    X(kmalloc_round, WORD, KMALLOC_ROUND_FINE, KMALLOC_ROUND_POWER, AT_START, UNSAFE,             \
      "what kmalloc rounds requests up to: fine classes, or powers of two as the kernel does")    \
    X(perturb, NUMBER, 0, UINT8_MAX, ANY_TIME, UNSAFE,                                            \
      "freed memory is filled with this byte, new memory with its complement; 0 for neither")     \
    X(background, FLAG, 0, 1, AT_START, UNSAFE,                                                   \
      "a thread gives free memory back when the program is quiet")                                \
    X(control, FLAG, 0, 1, AT_START, UNSAFE,                                                      \
      "a thread answers `brkmalloc ctl` and `brkmalloc top`")                                     \
    X(thp, WORD, THP_DEFAULT, THP_ALWAYS, ANY_TIME, UNSAFE,                                       \
      "transparent huge pages: as the system has set them, never, or always where it can")        \
    X(foreign, WORD, FOREIGN_ABORT, FOREIGN_FORWARD, ANY_TIME, UNSAFE,                            \
      "what free, realloc and malloc_usable_size do with memory of other allocators")             \
    X(profile, FLAG, 0, 1, AT_START, UNSAFE, "sample who allocates, for a heap profile")          \
    X(profile_interval, SIZE, 512 * BRKM_KIB, 64 * BRKM_GIB, AT_START, UNSAFE,                    \
      "bytes between two samples on average; 1 for every block")                                  \
    X(profile_at_exit, FLAG, 1, 1, AT_START, UNSAFE, "the profile is written at exit")            \
    X(profile_signal, SIGNAL, 0, 64, AT_START, UNSAFE,                                            \
      "the signal that has it written; 0 for none")                                               \
    X(profile_growth, SIZE, 0, PTRDIFF_MAX, AT_START, UNSAFE,                                     \
      "it is written each time that so many more bytes are in use than before; 0 for never")      \
    X(profile_peak, FLAG, 1, 1, AT_START, UNSAFE, "it tells what was in use when most was")       \
    X(profile_frame_pointers, FLAG, 0, 1, AT_START, UNSAFE,                                       \
      "stacks come from frame pointers, which costs less than unwinding")                         \
    X(profile_leaks, FLAG, 0, 1, AT_START, UNSAFE,                                                \
      "what is in use at exit is reported on standard error; profile_interval is 1 if not set")   \
    X(profile_leaks_exit_status, NUMBER, 0, UINT8_MAX, AT_START, UNSAFE,                          \
      "the exit status of a process that has something in use at exit; 0 for its own")

/* Values of the option thp. */
enum thp { THP_DEFAULT, THP_NEVER, THP_ALWAYS };

/* Values of the options kmalloc_limit and kmalloc_round. */
enum option_kmalloc_limit { KMALLOC_LIMIT_4M, KMALLOC_LIMIT_128K, KMALLOC_LIMIT_NONE };
enum option_kmalloc_round { KMALLOC_ROUND_FINE, KMALLOC_ROUND_POWER };

/* Values of the option foreign. */
enum option_foreign { FOREIGN_ABORT, FOREIGN_IGNORE, FOREIGN_FORWARD };

enum option {
#define BRKM_OPTION_NAME(name, type, standard, largest, change, secure, meaning) OPTION_##name,
    BRKM_OPTIONS(BRKM_OPTION_NAME)
#undef BRKM_OPTION_NAME
        OPTION_COUNT
};

enum option_type {
    OPTION_TYPE_FLAG,
    OPTION_TYPE_NUMBER,
    OPTION_TYPE_SIZE,
    OPTION_TYPE_SIGNAL,
    OPTION_TYPE_WORD
};
enum option_change { OPTION_AT_START, OPTION_ANY_TIME };
enum option_security { OPTION_UNSAFE, OPTION_SAFE };

/* What does not change about an option. */
struct option_row {
    const char *name;
    enum option_type type;
    size_t standard, largest;
    enum option_change change;
    enum option_security security;
    const char *const *words; /* by value, `largest` and one in all; NULL for other types */
    const char *meaning;
};

extern const struct option_row brkm__option_rows[OPTION_COUNT];

/* False when what the option is about was left out of this build. */
bool brkm__option_is_built(enum option option);

/* The option of that name, which need not end with a zero; OPTION_COUNT when there is none. */
enum option brkm__option_find(const char *name, size_t length);

/* The value that `word`, which need not end with a zero, stands for; false when it is none of the
 * option's words. */
bool brkm__option_find_word(enum option option, const char *word, size_t length, size_t *value);

/* The name most like `name`, in which letters may be missing, wrong or too many; NULL when none
 * is like it. */
const char *brkm__option_nearest(const char *name, size_t length);

size_t brkm__option_get(enum option option);

/* False when the value is out of range. The option then counts as set by the user; `source`, a
 * constant string, names where. */
bool brkm__option_set_from(enum option option, size_t value, const char *source);

/* The same for the program itself. */
bool brkm__option_set(enum option option, size_t value);

/* Sets an option in a process that runs, and does what that needs. Returns 0; EPERM for an option
 * that only counts at the start; EINVAL for a value out of range. */
int brkm__option_change(enum option option, size_t value, const char *source);

/* What options need beyond their value being read, once they changed. Set by the constructor. */
void brkm__options_applied_by(void (*apply)(void));

/* Where the value comes from; NULL for the default. */
const char *brkm__option_source(enum option option);

/* True when anybody has set the option. */
bool brkm__option_is_set(enum option option);

/* Raises an option that the user has not set. */
void brkm__option_raise(enum option option, size_t value);

#endif
