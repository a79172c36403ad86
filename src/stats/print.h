/* SPDX-License-Identifier: MIT
 * The statistics as the program gets them: mallinfo, text, JSON. */
#ifndef BRKMALLOC_STATS_PRINT_H
#define BRKMALLOC_STATS_PRINT_H

/* Writes the statistics to standard error, without allocating, as the options ask for. */
void brkm__stats_at_exit(void);

#endif
