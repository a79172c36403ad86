/* SPDX-License-Identifier: MIT
 *
 * Running out of memory on purpose.
 */
#ifndef BRKM_TESTS_LIMITS_H
#define BRKM_TESTS_LIMITS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Lets this process have `room` bytes more than now: of address space ("as") or of data ("data").
 */
void limit_memory(const char *what, size_t room);
void unlimit_memory(const char *what);

/* Allocates blocks of `size` bytes until none is left, and checks that the last call gave NULL and
 * ENOMEM. The blocks are added to *list; returns their number. */
size_t exhaust(void **list, size_t size);

/* The same with ever smaller blocks, until no hole is left that could hold 24 bytes. */
void exhaust_all(void **list);

/* Frees all blocks of the list. */
void release_all(void **list);

#ifdef __cplusplus
}
#endif
#endif
