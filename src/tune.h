/* SPDX-License-Identifier: MIT
 * Layer 15: options that the program or the environment has set take effect. */
#ifndef BRKMALLOC_TUNE_H
#define BRKMALLOC_TUNE_H

/* After options changed: does what some of them need beyond their value being read. */
void brkm__tune_apply(void);

#endif
