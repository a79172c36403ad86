/* SPDX-License-Identifier: MIT
 *
 * Replays a plan on the malloc of its own process and measures that. */
#ifndef BRKMALLOC_TRACE_PLAYER_H
#define BRKMALLOC_TRACE_PLAYER_H

#include <stdint.h>

/* Replays the plan in the file and prints the figures; returns the exit status. `own_bytes` of the
 * private memory are not the allocator's. */
int player_run(int descriptor, uint64_t own_bytes);

/* Bytes of private memory of this process, measured exactly; 0 when the system does not tell. */
uint64_t player_private_bytes(void);

#endif
