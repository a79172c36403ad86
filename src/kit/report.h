/* SPDX-License-Identifier: MIT
 * Messages for people, written without allocating and without stdio; the table of faults
 * that end the program; assertions. */
#ifndef BRKMALLOC_KIT_REPORT_H
#define BRKMALLOC_KIT_REPORT_H

#include "base/base.h"
#include "base/config.h"

/* Every fault that ends the program: identifier and the words that the user reads. */
#define BRKM_FAULTS(X)                                                                        \
    X(DOUBLE_FREE, "double free")                                                             \
    X(INVALID_POINTER, "invalid pointer, not the start of a block in use")                    \
    X(FREE_MEMORY, "pointer into free memory, freed before or never the start of a block")    \
    X(USE_AFTER_FREE, "use of a freed block")                                                 \
    X(HEADER_OVERWRITTEN, "header overwritten")                                               \
    X(OVERFLOW, "write past the end, next header overwritten")                                \
    X(CANARY_OVERWRITTEN, "write past the end, canary overwritten")                           \
    X(CANARY_BEFORE_OVERWRITTEN, "write before the start, canary overwritten")                \
    X(FREED_BLOCK_CHANGED, "write after free, bytes of a freed block changed")                \
    X(FREE_LIST_OVERWRITTEN, "write after free, links of a free block overwritten")           \
    X(BOUNDARY_TAG_OVERWRITTEN, "write after free, boundary tag of a free block overwritten") \
    X(SIZE_MISMATCH, "freed with a wrong size")                                               \
    X(WRONG_ORDER, "freed with a wrong order")                                                \
    X(WRONG_CACHE, "freed to a cache that it is not of")                                      \
    X(CACHE_DESTROYED, "use of a destroyed cache")                                            \
    X(CACHE_INVALID, "invalid pointer, not a slab cache")                                     \
    X(CONSTRUCTED_ZEROED, "object with a constructor asked for cleared")                      \
    X(BREAK_TAKEN, "the program's own brk or sbrk took away memory of the heap")              \
    X(GUARDED_PAST_END, "past the end of a guarded block")                                    \
    X(GUARDED_BEFORE_START, "before the start of a guarded block")                            \
    X(GUARDED_AFTER_FREE, "after free of a guarded block")                                    \
    X(MAPPED_PAST_END, "past the end of a mapped block")                                      \
    X(MAPPED_BEFORE_START, "before the start of a mapped block")                              \
    X(MAPPED_AFTER_FREE, "after free of a mapped block")                                      \
    X(ZERO_SIZE_TOUCHED, "in a block of 0 bytes")                                             \
    X(ASSERTION, "internal error, assertion failed")

enum fault {
#define BRKM_FAULT_NAME(name, words) FAULT_##name,
    BRKM_FAULTS(BRKM_FAULT_NAME)
#undef BRKM_FAULT_NAME
};

/* What the message says besides the fault's words. */
struct fault_place {
    const void *address; /* the pointer in question */
    size_t block_size;   /* usable bytes of the block; 0 where it is not known */
    const char *caller;  /* the public function that noticed, or the instruction's place; NULL:
                          * what the program called, by the stack */
};

/* Writes "brkmalloc: <words> at 0x... (block of N bytes, called from F)", with `access` and a blank
 * before the words unless it is NULL. */
void brkm__report(const char *access, enum fault fault, struct fault_place place);

/* The same, and aborts. */
_Noreturn BRKM_COLD void brkm__fatal(enum fault fault, struct fault_place place);

/* From now on `add` is called after the message, for who has more to say of the address. */
void brkm__fatal_adds_by(void (*add)(const void *address));

/* True once brkm__fatal has begun: locks then let everyone pass, so that a SIGABRT handler which
 * allocates does not wait for the thread that is dying. */
bool brkm__fatal_has_begun(void);

/* A line of text, put together without allocating. Text past the end is cut. */
struct line {
    size_t length;
    char text[BRKM_REPORT_LINE];
};

void brkm__line_add_text(struct line *line, const char *text);
void brkm__line_add_span(struct line *line, const char *text, size_t length);
void brkm__line_add_number(struct line *line, uint64_t number);
void brkm__line_add_pointer(struct line *line, const void *pointer);
/* The text so far, as a string; it lies in the line. */
const char *brkm__line_text(struct line *line);
/* Ends the line and writes it to standard error. */
void brkm__line_write(struct line *line);

_Noreturn BRKM_COLD void brkm__assertion_failed(const char *text, const char *file, int line);

/* `reason` names the invariant of docs/design.md that would be broken. */
#if BRKM_CHECKED >= 1
#define brkm_assert(condition, reason) \
    ((condition) ? (void)0 : brkm__assertion_failed(reason, __FILE__, __LINE__))
#else
#define brkm_assert(condition, reason) ((void)sizeof(condition))
#endif

/* For conditions that walk lists. */
#if BRKM_CHECKED >= 2
#define brkm_assert_heavy(condition, reason) brkm_assert(condition, reason)
#else
#define brkm_assert_heavy(condition, reason) ((void)sizeof(condition))
#endif

#endif
