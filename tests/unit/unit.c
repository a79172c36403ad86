/* SPDX-License-Identifier: MIT
 * See unit.h. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#ifndef UNIT_REAL_OS
static void start_fake(void)
{
    fake_os_start(PAGE, 0);
}
#endif

TCase *unit_case(Suite *suite, const char *name)
{
    TCase *tests = tcase_create(name);
#ifndef UNIT_REAL_OS
    tcase_add_checked_fixture(tests, start_fake, NULL);
#endif
    tcase_set_timeout(tests, 120);
    suite_add_tcase(suite, tests);
    return tests;
}

#ifndef UNIT_REAL_OS
bool unit_said(const char *text)
{
    return strstr(fake_os_text(), text) != NULL;
}
#endif

uint32_t unit_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * 0x2545f4914f6cdd1d >> 32);
}

uint64_t unit_number(const char *variable, uint64_t standard)
{
    const char *text = getenv(variable);
    return text == NULL ? standard : strtoull(text, NULL, 0);
}

/* ---- Contents ---- */

#define ENDS 256
#define STEP 509

static unsigned char byte_at(size_t i, uint32_t seed)
{
    return (unsigned char)((seed + i) * 2654435761u >> 13);
}

/* The place that follows i in memory of `size` bytes. */
static size_t step_from(size_t i, size_t size)
{
    bool inside = i >= ENDS && i + ENDS + STEP < size;
    return i + (inside ? STEP : 1);
}

void unit_fill(void *memory, size_t size, uint32_t seed)
{
    unsigned char *bytes = memory;
    for (size_t i = 0; i < size; i = step_from(i, size)) {
        bytes[i] = byte_at(i, seed);
    }
}

bool unit_is_filled(const void *memory, size_t size, uint32_t seed)
{
    const unsigned char *bytes = memory;
    for (size_t i = 0; i < size; i = step_from(i, size)) {
        if (bytes[i] != byte_at(i, seed)) {
            return false;
        }
    }
    return true;
}

bool unit_is_zero(const void *memory, size_t size)
{
    const unsigned char *bytes = memory;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

int main(void)
{
    SRunner *runner = srunner_create(unit_suite());
    srunner_set_fork_status(runner, CK_FORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    int run = srunner_ntests_run(runner);
    srunner_free(runner);
    return failed == 0 && run != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
