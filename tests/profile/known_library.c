/* SPDX-License-Identifier: MIT
 * The shared libraries of known.c: KNOWN_FUNCTION is what this one is to define. See known.h. */
#include "known.h"

__attribute__((noinline)) static void step(void (*work)(const struct known_numbers *),
                                           const struct known_numbers *numbers)
{
    work(numbers); /* LINE library_step */
    __asm__ volatile("");
}

void KNOWN_FUNCTION(void (*work)(const struct known_numbers *), const struct known_numbers *numbers)
{
    step(work, numbers);
    __asm__ volatile("");
}
