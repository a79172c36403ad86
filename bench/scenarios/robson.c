/* SPDX-License-Identifier: MIT
 *
 * The worst case. J. M. Robson (Journal of the ACM 18, 1971, and 21, 1974) gave an adversary that
 * drives every allocator that cannot move blocks, with sizes that are powers of two up to n and
 * with M live at most, to a heap of about M * (log2(n) / 2 + 1), and showed that the best one needs
 * no more. The adversary looks at the addresses: with blocks of 1 unit it fills M, and then, for
 * each i from 1 on, keeps only blocks that contain an address which is f(i) modulo 2^i, so that no
 * block of 2^i units fits between them, and fills up with such blocks. Of the two values that f(i)
 * can have, f(i-1) and f(i-1) + 2^(i-1), it takes the one that keeps more room blocked.
 *   live=67108864     M, bytes
 *   unit=32           bytes of the smallest block with its header, for which 8 bytes of each
 *                     request are set aside; an allocator with other overhead fares a little better
 *                     or worse
 *   doublings=12      log2(n)
 * Prints the bound in bytes as "bound": for the blocks, with their headers. */
#include "scenario.h"

enum { header = 8 };

static struct block *blocks;
static size_t count;

/* Whether a block of `size` bytes, header included, contains an address that is `offset` modulo
 * `period`, a power of two. */
static bool occupies(const struct block *block, size_t offset, size_t period)
{
    uintptr_t start = (uintptr_t)block->memory - header;
    return ((offset - start) & (period - 1)) < block->size + header;
}

/* The room that blocks at this offset keep from blocks of `period` bytes. */
static size_t blocked(size_t offset, size_t period)
{
    size_t room = 0;
    for (size_t i = 0; i < count; i++) {
        room += occupies(&blocks[i], offset, period) ? period - (blocks[i].size + header) : 0;
    }
    return room;
}

static void keep_only(size_t offset, size_t period)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        if (occupies(&blocks[i], offset, period)) {
            blocks[left++] = blocks[i];
        } else {
            give(&blocks[i]);
        }
    }
    count = left;
}

/* With `used` bytes for headers and blocks, up to `live`. Returns how many are used then. */
static size_t fill(size_t used, size_t live, size_t size)
{
    for (; used + size <= live; used += size) {
        blocks[count++] = take(size - header);
    }
    return used;
}

int main(int argc, char **argv)
{
    scenario_begin(argc, argv);
    size_t live = argument("live", 64 * MIB);
    size_t unit = argument("unit", 32);
    size_t doublings = argument("doublings", 12);
    arguments_end();
    require((unit & (unit - 1)) == 0 && unit > header, "unit: a power of two above 8");
    require(doublings <= 20 && unit << doublings <= live,
            "doublings: at most 20, and 'live' has room for unit << doublings");
    blocks = blocks_table(live / unit);
    measure_start();
    size_t offset = 0;
    fill(0, live, unit);
    for (size_t i = 1; i <= doublings; i++) {
        size_t period = unit << i;
        if (blocked(offset + period / 2, period) > blocked(offset, period)) {
            offset += period / 2;
        }
        keep_only(offset, period);
        fill(scenario.live + count * header, live, period);
    }
    give_all(blocks, count);
    printf("bound=%zu ", live * (doublings + 2) / 2);
    measure_end();
    return 0;
}
