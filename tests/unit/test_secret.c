/* SPDX-License-Identifier: MIT
 * Secrets of one process tell nothing of each other, and each source of entropy is enough. */
#include "kit/secret.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* Processes that are looked at; and how far a count of them may be from a half: eight standard
 * deviations, as some hundred thousand counts are looked at. */
#define PROCESSES 1024
#define COUNT_MAX_OFF 128

#define BITS 64

static void begin_process(unsigned number)
{
    fake_os.entropy = number * 0x9e3779b97f4a7c15u;
}

START_TEST(secrets_are_the_same_in_every_call)
{
    for (unsigned purpose = 0; purpose < SECRET_COUNT; purpose++) {
        ck_assert_uint_eq(brkm__secret(purpose, 7), brkm__secret(purpose, 7));
        ck_assert_uint_ne(brkm__secret(purpose, 7), brkm__secret(purpose, 8));
        ck_assert_uint_ne(brkm__secret(purpose, 7), brkm__secret((purpose + 1) % SECRET_COUNT, 7));
    }
}
END_TEST

/* No bit of the one goes with a bit of the other, or against it. */
static void expect_independent(enum secret one, enum secret other)
{
    static unsigned equal[BITS][BITS];
    memset(equal, 0, sizeof(equal));
    for (unsigned number = 0; number < PROCESSES; number++) {
        begin_process(number);
        uint64_t a = brkm__secret(one, 0);
        uint64_t b = brkm__secret(other, 0);
        for (unsigned i = 0; i < BITS; i++) {
            uint64_t same = (a >> i & 1) != 0 ? b : ~b;
            for (unsigned k = 0; k < BITS; k++) {
                equal[i][k] += (unsigned)(same >> k & 1);
            }
        }
    }
    for (unsigned i = 0; i < BITS; i++) {
        for (unsigned k = 0; k < BITS; k++) {
            ck_assert_int_lt(abs((int)equal[i][k] - PROCESSES / 2), COUNT_MAX_OFF);
        }
    }
}

START_TEST(no_secret_tells_a_bit_of_another)
{
    for (unsigned one = 0; one < SECRET_COUNT; one++) {
        for (unsigned other = one + 1; other < SECRET_COUNT; other++) {
            expect_independent(one, other);
        }
    }
}
END_TEST

/* With a kernel that refuses, or gives everybody the same. */
START_TEST(each_source_alone_makes_secrets)
{
    fake_os.entropy = 0;
    fake_os.entropy_drawn = 0;
    uint64_t neither = brkm__secret(SECRET_SEAL, 0);
    fake_os.entropy = 1;
    uint64_t at_start = brkm__secret(SECRET_SEAL, 0);
    fake_os.entropy = 0;
    fake_os.entropy_drawn = 1;
    uint64_t drawn = brkm__secret(SECRET_SEAL, 0);
    fake_os.entropy = 1;
    uint64_t both = brkm__secret(SECRET_SEAL, 0);
    ck_assert_uint_ne(neither, 0);
    ck_assert_uint_ne(neither, at_start);
    ck_assert_uint_ne(neither, drawn);
    ck_assert_uint_ne(neither, both);
    ck_assert_uint_ne(at_start, drawn);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("secret");
    TCase *tests = unit_case(suite, "secret");
    tcase_add_test(tests, secrets_are_the_same_in_every_call);
    tcase_add_test(tests, no_secret_tells_a_bit_of_another);
    tcase_add_test(tests, each_source_alone_makes_secrets);
    return suite;
}
