/* SPDX-License-Identifier: MIT
 *
 * Whoever looks at the heap changes nothing: the pages that went back stay away, and none goes.
 */
#include "api.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <brkmalloc/brkmalloc.h>

#define SIZE_MOST 4000
#define BLOCKS 12000

/* One block in so many stays: between two of them lie pages that went back. */
#define KEPT 8

/* A look takes a page here and there for itself, at the first time. */
#define PAGES_FEW 8

static FILE *nowhere;

/* Pages of the heap that are in memory. */
static size_t heap_pages(const void *start)
{
    static unsigned char pages[1 << 16];
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *first = (char *)((uintptr_t)start & ~(page - 1));
    size_t count = (size_t)((char *)sbrk(0) - first) / page;
    size_t found = 0;
    CHECK_TRUE(count <= sizeof(pages) && mincore(first, count * page, pages) == 0);
    for (size_t i = 0; i < count; i++)
        found += pages[i] & 1;
    return found;
}

static void make_holes(void **blocks)
{
    unsigned seed = 1;
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t size = 100 + api_random(&seed) % SIZE_MOST;
        blocks[i] = malloc(size);
        api_fill(blocks[i], size, (unsigned)i);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        if (i % KEPT != 0)
            free(blocks[i]);
    malloc_trim(0);
}

static void explain_text(void)
{
    CHECK_EQ_INT(brkm_explain_memory(nowhere, 0), 0);
}

static void explain_json(void)
{
    CHECK_EQ_INT(brkm_explain_memory(nowhere, BRKM_EXPLAIN_JSON), 0);
}

static void check_heap(void)
{
    CHECK_EQ_INT(brkm_check_heap(), 0);
}

static void info(void)
{
    CHECK_EQ_INT(malloc_info(0, nowhere), 0);
}

static void write_nothing(void *context, const char *text, size_t length)
{
    (void)context;
    (void)text;
    (void)length;
}

static void statistics(void)
{
    CHECK_EQ_INT(brkm_stats_print(write_nothing, NULL, BRKM_STATS_JSON), 0);
}

static void change_nothing(const char *what, void look(void), const void *start)
{
    size_t before = heap_pages(start);
    check_note(what, before);
    look();
    size_t after = heap_pages(start);
    CHECK_TRUE(after <= before + PAGES_FEW && before <= after + PAGES_FEW);
}

void api_test(int alone)
{
    static void *blocks[BLOCKS];
    nowhere = fopen("/dev/null", "w");
    CHECK_NOT_NULL(nowhere);
    make_holes(blocks);
    if (alone && api_has_no_options()) {
        for (int i = 0; i < 2; i++) {
            change_nothing("explain", explain_text, blocks[0]);
            change_nothing("explain as JSON", explain_json, blocks[0]);
            change_nothing("check", check_heap, blocks[0]);
            change_nothing("information", info, blocks[0]);
            change_nothing("statistics", statistics, blocks[0]);
        }
    }
    for (size_t i = 0; i < BLOCKS; i += KEPT)
        free(blocks[i]);
    fclose(nowhere);
}
