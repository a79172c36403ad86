/* SPDX-License-Identifier: MIT
 *
 * What the unit tests share. Each test_<module>.c defines unit_suite; unit.c runs it. Check runs
 * every test in a process of its own, so that each begins with an allocator that never ran. */
#ifndef BRKM_TESTS_UNIT_H
#define BRKM_TESTS_UNIT_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/config.h"
#include "brkmalloc/brkmalloc.h"
#include "heap/block.h"
#include "os_fake.h"

#define PAGE ((size_t)4096)

Suite *unit_suite(void);

/* A test case of tests that begin with a fake system of 4 KiB pages, break at a page's start. */
TCase *unit_case(Suite *suite, const char *name);

/* True when the last error text of the fake system holds `text`. */
bool unit_said(const char *text);

/* 32 pseudo-random bits (xorshift64*); *state must not be 0. */
uint32_t unit_random(uint64_t *state);

/* A number of the environment, or `standard`. */
uint64_t unit_number(const char *variable, uint64_t standard);

/* Fills memory with bytes that depend on `seed` and the place, and compares. Large memory is
 * written at its ends and at steps in between. */
void unit_fill(void *memory, size_t size, uint32_t seed);
bool unit_is_filled(const void *memory, size_t size, uint32_t seed);
bool unit_is_zero(const void *memory, size_t size);

#endif
