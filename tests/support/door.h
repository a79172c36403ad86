/* SPDX-License-Identifier: MIT
 *
 * Which malloc a test program runs on. The first argument names the door that it was built or
 * started for:
 *   preload    libbrkmalloc.so in LD_PRELOAD
 *   linked     linked with -lbrkmalloc
 *   static     brkmalloc.o or libbrkmalloc.a inside a static program
 *   prefixed   only the brkm_ functions; malloc is libc's
 *   libc       whatever malloc there is, for trying a test on another allocator
 */
#ifndef BRKM_TESTS_DOOR_H
#define BRKM_TESTS_DOOR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ends the program with status 1 unless malloc really comes through the door in argv[1]. Call it
 * first in main. */
void door_require(int argc, char **argv);

/* 1 when malloc is brkmalloc's. */
int door_is_ours(void);

/* Number of violations the heap walk finds; 0 on another allocator. */
int door_check_heap(void);

/* The value of an option of brkmalloc's; 0 on another allocator. */
size_t door_option(const char *name);

/* The exit status of a test program: heap whole and at least one check made. */
int door_done(void);

#ifdef __cplusplus
}
#endif
#endif
