/* SPDX-License-Identifier: MIT
 * Which allocations are sampled, and what they stand for: distributions and estimates against what
 * is known, over many seeds. The seeds are the same on every run. */
#include <math.h>
#include <stdlib.h>

#include "profile/sampling.h"
#include "unit.h"

/* Begins a sequence of its own. */
static void seed(uint64_t number)
{
    fake_os.entropy = number * 0x9e3779b97f4a7c15;
    brkm__sampling_forget();
}

/* As the allocator does for each allocation. */
static struct sample_weight allocate(size_t size)
{
    if (watch_passes(size)) {
        return (struct sample_weight){0, 0};
    }
    return brkm__sampling_count(size);
}

/* ---- The logarithm ---- */

static void expect_logarithm(uint64_t number)
{
    double expected = 64 - log2((double)number);
    double found = (double)brkm__sampling_minus_log2(number) / 4294967296.0;
    ck_assert_msg(fabs(expected - found) < 1e-9, "of %llu: expected %.12f, found %.12f",
                  (unsigned long long)number, expected, found);
}

START_TEST(the_logarithm_is_libm_s)
{
    uint64_t random = 1;
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t power = (uint64_t)1 << bit;
        ck_assert_uint_eq(brkm__sampling_minus_log2(power), (uint64_t)(64 - bit) << 32);
        expect_logarithm(power | 1);
        expect_logarithm(power - 1 + (bit == 0));
        for (unsigned i = 0; i < 1000; i++) {
            uint64_t number = (uint64_t)unit_random(&random) << 32 | unit_random(&random);
            expect_logarithm((number >> bit) | 1);
        }
    }
    expect_logarithm(UINT64_MAX);
}
END_TEST

/* ---- The distribution ---- */

#define GAPS 20000

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Bytes up to and with the next point, found one byte at a time. */
static double next_gap(void)
{
    double gap = 1;
    while (allocate(1).bytes == 0) {
        gap++;
    }
    return gap;
}

/* Kolmogorov and Smirnov's distance from the geometric distribution of the probability that
 * sampling.c states, which a thousandth of all samples exceeds by 1.95 / sqrt(n). */
START_TEST(gaps_are_distributed_geometrically)
{
    static double gaps[GAPS];
    static const size_t intervals[] = {2, 16, 100, 1024};
    size_t interval = intervals[_i];
    brkm__sampling_begin(interval);
    seed(1);
    double sum = 0;
    for (size_t i = 0; i < GAPS; i++) {
        gaps[i] = next_gap();
        sum += gaps[i];
    }
    double mean = sum / GAPS;
    ck_assert_double_lt(fabs(mean - (double)interval), 4 * (double)interval / sqrt(GAPS) + 0.02);
    qsort(gaps, GAPS, sizeof(double), compare);
    double distance = 0;
    for (size_t i = 0; i < GAPS; i++) {
        if (i + 1 < GAPS && gaps[i + 1] == gaps[i]) {
            continue; /* the distribution has steps */
        }
        double expected = 1 - exp(-gaps[i] / ((double)interval - 0.5));
        distance = fmax(distance, fabs(expected - (double)(i + 1) / GAPS));
    }
    ck_assert_double_lt(distance, 1.95 / sqrt(GAPS));
}
END_TEST

START_TEST(an_interval_of_one_takes_every_block_as_it_is)
{
    brkm__sampling_begin(_i == 0 ? 1 : 0);
    seed(1);
    for (size_t size = 1; size < 10000; size++) {
        struct sample_weight weight = allocate(size);
        ck_assert_uint_eq(weight.bytes, size);
        ck_assert_uint_eq(weight.block_parts, SAMPLING_BLOCK);
    }
    ck_assert_uint_eq(allocate(0).bytes, 0);
}
END_TEST

/* ---- Estimates ---- */

#define INTERVAL ((size_t)4096)
#define SEEDS 400
#define BLOCKS 2000

/* What was asked for, and what the samples say. */
struct tally {
    double bytes, blocks;
    double estimated_bytes, estimated_blocks;
    double variance_bytes, variance_blocks; /* of the estimates, by theory */
};

static void count(struct tally *tally, size_t size)
{
    struct sample_weight weight = allocate(size);
    double s = (double)size;
    double interval = (double)INTERVAL;
    tally->bytes += s;
    tally->blocks += 1;
    tally->estimated_bytes += (double)weight.bytes;
    tally->estimated_blocks += (double)weight.block_parts / (double)SAMPLING_BLOCK;
    if (size < SAMPLING_EXACT * INTERVAL) {
        /* Points in a block are binomial, of variance s/interval * (1 - 1/interval). */
        tally->variance_bytes += interval * s;
        tally->variance_blocks += interval / s;
    }
}

/* One size; two; all below two intervals; many decades up to where blocks count exactly. */
static size_t size_one(uint64_t *random)
{
    (void)random;
    return 24;
}

static size_t size_two(uint64_t *random)
{
    return unit_random(random) % 2 == 0 ? 16 : 3 * INTERVAL;
}

static size_t size_uniform(uint64_t *random)
{
    return 1 + unit_random(random) % (2 * INTERVAL);
}

static size_t size_decades(uint64_t *random)
{
    return (size_t)1 << (4 + unit_random(random) % 14);
}

static size_t (*const sizes[])(uint64_t *random) = {size_one, size_two, size_uniform, size_decades};

START_TEST(estimates_are_unbiased_and_as_exact_as_theory_says)
{
    struct tally all = {0};
    unsigned close_bytes = 0;
    unsigned close_blocks = 0;
    brkm__sampling_begin(INTERVAL);
    for (uint64_t number = 1; number <= SEEDS; number++) {
        struct tally tally = {0};
        uint64_t random = number;
        seed(number);
        for (size_t i = 0; i < BLOCKS; i++) {
            count(&tally, sizes[_i](&random));
        }
        close_bytes += fabs(tally.estimated_bytes - tally.bytes) < 2 * sqrt(tally.variance_bytes);
        close_blocks +=
            fabs(tally.estimated_blocks - tally.blocks) < 2 * sqrt(tally.variance_blocks);
        all.bytes += tally.bytes;
        all.blocks += tally.blocks;
        all.estimated_bytes += tally.estimated_bytes;
        all.estimated_blocks += tally.estimated_blocks;
        all.variance_bytes += tally.variance_bytes;
        all.variance_blocks += tally.variance_blocks;
    }
    /* Of 400 normal numbers 382 lie within two deviations, give or take 4 * 4.2. */
    ck_assert_uint_gt(close_bytes, SEEDS * 0.91);
    ck_assert_uint_lt(close_bytes, SEEDS * 0.995);
    ck_assert_uint_gt(close_blocks, SEEDS * 0.91);
    ck_assert_uint_lt(close_blocks, SEEDS);
    ck_assert_double_lt(fabs(all.estimated_bytes - all.bytes), 3 * sqrt(all.variance_bytes));
    ck_assert_double_lt(fabs(all.estimated_blocks - all.blocks), 3 * sqrt(all.variance_blocks));
}
END_TEST

START_TEST(large_blocks_count_exactly_and_none_passes)
{
    brkm__sampling_begin(INTERVAL);
    for (uint64_t number = 1; number <= SEEDS; number++) {
        seed(number);
        for (size_t size = SAMPLING_EXACT * INTERVAL; size < 100 * INTERVAL; size += INTERVAL / 3) {
            allocate(100);
            struct sample_weight weight = allocate(size);
            ck_assert_uint_eq(weight.bytes, size);
            ck_assert_uint_eq(weight.block_parts, SAMPLING_BLOCK);
        }
        ck_assert_uint_eq(allocate((size_t)1 << 62).bytes, (size_t)1 << 62);
    }
}
END_TEST

START_TEST(counting_apart_gives_the_same)
{
    uint64_t random = 7;
    size_t requests[BLOCKS];
    struct sample_weight weights[BLOCKS];
    brkm__sampling_begin(INTERVAL);
    /* The n-th seed of a process is another than the first: both begin behind the same draw. */
    for (size_t i = 0; i < BLOCKS; i++) {
        requests[i] = size_uniform(&random);
    }
    double plain = 0;
    double apart = 0;
    for (uint64_t number = 1; number <= SEEDS / 4; number++) {
        seed(number);
        for (size_t i = 0; i < BLOCKS; i++) {
            weights[i] = allocate(requests[i]);
            plain += (double)weights[i].bytes;
        }
        seed(number);
        for (size_t i = 0; i < BLOCKS; i++) {
            apart += (double)brkm__sampling_count_apart(requests[i]).bytes;
            ck_assert(!watch_passes(0));
        }
    }
    double deviation = sqrt(2 * (double)INTERVAL * plain);
    ck_assert_double_gt(apart, 0);
    ck_assert_double_lt(fabs(plain - apart), 4 * deviation);
}
END_TEST

/* Each thread has points of its own, also one in the memory of another that ended, and so has the
 * child of a fork. */
START_TEST(no_two_sequences_are_the_same)
{
    size_t first[64];
    brkm__sampling_begin(BRKM_GIB);
    for (unsigned i = 0; i < 64; i++) {
        brkm__sampling_forget();
        allocate(1);
        first[i] = brkm__watch_left;
        for (unsigned j = 0; j < i; j++) {
            ck_assert(first[i] != first[j] || first[i] >= SAMPLING_EXACT * BRKM_GIB - 1);
        }
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("sampling");
    TCase *tests = unit_case(suite, "sampling");
    tcase_add_test(tests, the_logarithm_is_libm_s);
    tcase_add_loop_test(tests, gaps_are_distributed_geometrically, 0, 4);
    tcase_add_loop_test(tests, an_interval_of_one_takes_every_block_as_it_is, 0, 2);
    tcase_add_loop_test(tests, estimates_are_unbiased_and_as_exact_as_theory_says, 0, 4);
    tcase_add_test(tests, large_blocks_count_exactly_and_none_passes);
    tcase_add_test(tests, counting_apart_gives_the_same);
    tcase_add_test(tests, no_two_sequences_are_the_same);
    return suite;
}
