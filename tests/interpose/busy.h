/* SPDX-License-Identifier: MIT
 *
 * Work for an allocator: what most of the programs here do before, during and after the event that
 * they are about.
 */
#ifndef BRKM_TESTS_BUSY_H
#define BRKM_TESTS_BUSY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `steps` times malloc, calloc, realloc, memalign or free; contents are checked, and nothing stays
 * behind. Needs little stack. */
void churn(unsigned seed, int steps);

/* Threads that churn until they are told to stop. */
void busy_start(int threads);
void busy_stop(void);

/* Resident bytes of this process, read without allocating. */
size_t resident_bytes(void);

#ifdef __cplusplus
}
#endif
#endif
