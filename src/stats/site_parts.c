/* SPDX-License-Identifier: MIT
 * See site_parts.h. */
#include "stats/site_parts.h"

__extension__ typedef unsigned __int128 uint128;

/* What the samples of one bin stand for, in all. */
struct estimate {
    uint64_t block_parts, pinned;
};

/* ---- Samples ---- */

static struct site_part *find_part(struct site_parts *parts, const void *stack, unsigned bin)
{
    size_t place = ((uintptr_t)stack + bin) * BRKM_MIXING_FACTOR >> 40 & (SITE_PARTS - 1);
    for (size_t i = 0; i < SITE_PARTS; i++, place = (place + 1) & (SITE_PARTS - 1)) {
        struct site_part *part = &parts->all[place];
        if (part->stack == NULL) {
            *part = (struct site_part){.stack = stack, .bin = bin};
        }
        if (part->stack == stack && part->bin == bin) {
            return part;
        }
    }
    parts->left_out++;
    return NULL;
}

/* `number` for each of the blocks that a sample stands for. */
static uint64_t times(struct sample_weight weight, uint64_t number)
{
    return weight.block_parts * number / SAMPLING_BLOCK;
}

void brkm__site_parts_add(struct site_parts *parts, const struct sight *sight, struct note note)
{
    struct site_part *part = find_part(parts, note.stack, sight->bin);
    if (part == NULL) {
        return;
    }
    part->share.pinned += times(note.weight, sight->pinned);
    if (sight->size != 0) {
        uint64_t usable = times(note.weight, sight->size - BRKM_HEADER_SIZE);
        part->share.samples++;
        part->share.block_parts += note.weight.block_parts;
        part->share.bytes += note.weight.bytes;
        part->rounding += usable - min_size(note.weight.bytes, usable);
    }
}

/* ---- Sums ---- */

static void estimate_bins(struct estimate of_bins[BRKM_BIN_COUNT], const struct site_parts *parts)
{
    for (size_t i = 0; i < SITE_PARTS; i++) {
        const struct site_part *part = &parts->all[i];
        of_bins[part->bin].block_parts += part->share.block_parts;
        of_bins[part->bin].pinned += part->share.pinned;
    }
}

/* The number less in the ratio in which `there` is less than the estimate. */
static uint64_t fit(uint64_t number, uint64_t there, uint64_t estimate)
{
    return there >= estimate ? number : (uint64_t)((uint128)number * there / estimate);
}

static struct site_share *find_site(struct memory_shares *shares, const void *stack)
{
    size_t place = (uintptr_t)stack * BRKM_MIXING_FACTOR >> 40 & (SHARES_SITES - 1);
    for (size_t i = 0; i < SHARES_SITES; i++, place = (place + 1) & (SHARES_SITES - 1)) {
        struct site_share *site = &shares->sites[place];
        if (site->stack == NULL || site->stack == stack) {
            site->stack = stack;
            return site;
        }
    }
    shares->sites_left_out++;
    return NULL;
}

static void add_part(struct memory_shares *shares, const struct site_part *part,
                     const struct estimate *all)
{
    struct site_share *site = find_site(shares, part->stack);
    const struct class_share *class = &shares->classes[part->bin];
    uint64_t there = class->blocks * SAMPLING_BLOCK;
    if (site != NULL) {
        site->samples += part->share.samples;
        site->block_parts += fit(part->share.block_parts, there, all->block_parts);
        site->bytes += fit(part->share.bytes, there, all->block_parts);
        site->pinned += fit(part->share.pinned, class->pinned, all->pinned);
    }
    shares->sum.rounding += fit(part->rounding, there, all->block_parts);
}

void brkm__site_parts_sum_up(const struct site_parts *parts, struct memory_shares *shares)
{
    struct estimate of_bins[BRKM_BIN_COUNT] = {{0}};
    estimate_bins(of_bins, parts);
    shares->sites_left_out = parts->left_out;
    for (size_t i = 0; i < SITE_PARTS; i++) {
        const struct site_part *part = &parts->all[i];
        if (part->stack != NULL) {
            add_part(shares, part, &of_bins[part->bin]);
        }
    }
}
