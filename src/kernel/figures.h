/* SPDX-License-Identifier: MIT
 * The family's figures, for the statistics. */
#ifndef BRKMALLOC_KERNEL_FIGURES_H
#define BRKMALLOC_KERNEL_FIGURES_H

#include "malloc/foreign.h"

/* Each number is of its own moment while other threads work. Waits. */
void brkm__kernel_count(struct neighbour_figures *figures);

#endif
