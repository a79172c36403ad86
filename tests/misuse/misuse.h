/* SPDX-License-Identifier: MIT
 *
 * What the misuse programs share. Each file in the folders beside this one does one thing that no
 * program should; its first comment says what, and what comes of it:
 *   Sizes: WORD...       it is done to blocks of each of these sizes: small, medium, large, mapped,
 *                        guarded, page, none
 *   Options: KEY:VALUE,...  what the variable BRKMALLOC holds
 *   Ways: WORD...        preload, static, prefixed; all three where nothing is said
 *   Options: KEY:VALUE   for BRKMALLOC; the defaults where nothing is said
 *   Says: MESSAGE        the message behind "brkmalloc: "; ADDRESS and NUMBER stand for any, N for
 *                        the block's usable bytes, PLACE for that of an instruction; "segmentation
 *                        fault" where the system notices, with a message behind a colon
 *   Says SIZE: MESSAGE   the same for one size
 *   Stacks: WORD...      those that follow the message: touched, allocated, freed
 *   Not caught: WHY      nothing is said, and the program runs to its end
 */
#ifndef BRKM_TESTS_MISUSE_H
#define BRKM_TESTS_MISUSE_H

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../api/api.h"

/* The misuse. `size` is what the largest request has that a block of its size serves. */
void misuse(size_t size);

/* Two blocks of `size` bytes, one right behind the other; the blocks around them are in use. */
struct pair {
    char *front, *behind;
};
struct pair neighbours(size_t size);

/* A free block of the heap itself, as large as one for `size` bytes, between blocks in use. */
char *freed_to_heap(size_t size);

/* A guarded block that borders the inaccessible page behind it, for which its size must be a
 * multiple of 16, or that in front. */
enum border { BORDER_AT_END, BORDER_AT_START };
char *guarded_block(size_t size, enum border border);

/* What is cached goes to the heap, where neighbours coalesce. */
void empty_caches(void);

/* Allocates blocks of `size` bytes and frees them again; ends the program with status 2 when one of
 * them overlaps the `length` bytes at `start`, which are not free. */
void expect_never_given(const void *start, size_t length, size_t size);

/* Runs `work` in a thread that then ends. */
void in_thread(void *(*work)(void *), void *argument);

/* The header in front of a block, which no program should know. */
static inline unsigned char *header_of(void *block)
{
    return (unsigned char *)block - 8;
}

#endif
