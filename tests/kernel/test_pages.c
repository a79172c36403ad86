/* SPDX-License-Identifier: MIT
 * Pages by buddies: aligned to their size, disjoint, coalescing to whole sections again. */
#include "kernel.h"

static size_t page_size;

static void each_order(void)
{
    for (unsigned order = 0; order <= BRKM_MAX_ORDER; order++) {
        size_t size = page_size << order;
        check_note("order", order);
        char *first = brkm_get_free_pages(BRKM_GFP_KERNEL, order);
        char *second = brkm_get_free_pages(BRKM_GFP_KERNEL | BRKM_GFP_ZERO, order);
        CHECK_NOT_NULL(first);
        CHECK_NOT_NULL(second);
        CHECK_TRUE((uintptr_t)first % size == 0);
        CHECK_TRUE((uintptr_t)second % size == 0);
        CHECK_TRUE(first + size <= second || second + size <= first);
        CHECK_TRUE(is_filled(second, 0, size));
        memset(first, 1, size);
        memset(second, 2, size);
        CHECK_TRUE(is_filled(first, 1, size));
        brkm_free_pages(first, order);
        brkm_free_pages(second, order);
    }
    errno = 0;
    CHECK_TRUE(brkm_get_free_pages(BRKM_GFP_KERNEL | BRKM_GFP_NOWARN, BRKM_MAX_ORDER + 1) == NULL);
    CHECK_EQ_INT(errno, ENOMEM);
    brkm_free_pages(NULL, 0);
    brkm_free_page_block(NULL, 0);
}

/* Dirty pages that were freed come back cleared where that is asked for. */
static void cleared(void)
{
    for (int i = 0; i < 200; i++) {
        unsigned order = (unsigned)i % 5;
        char *dirty = brkm_get_free_pages(BRKM_GFP_KERNEL, order);
        memset(dirty, 0x77, page_size << order);
        brkm_free_pages(dirty, order);
        char *page = brkm_get_zeroed_page(BRKM_GFP_KERNEL);
        CHECK_TRUE(is_filled(page, 0, page_size));
        memset(page, 0x99, page_size);
        brkm_free_pages(page, 0);
    }
}

enum { BLOCKS = 2000 };

/* After any order of frees everything has coalesced: nothing stays behind a trim. */
static void coalesce(void)
{
    static struct {
        char *start;
        unsigned order;
    } blocks[BLOCKS];
    unsigned state = 7;
    brkm_kernel_trim();
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < BLOCKS; i++) {
            blocks[i].order = test_random(&state) % 4;
            blocks[i].start = brkm_get_free_pages(BRKM_GFP_KERNEL, blocks[i].order);
            CHECK_NOT_NULL(blocks[i].start);
            memset(blocks[i].start, i, page_size);
        }
        for (int i = BLOCKS - 1; i > 0; i--) {
            int j = (int)(test_random(&state) % (unsigned)(i + 1));
            char *start = blocks[i].start;
            unsigned order = blocks[i].order;
            blocks[i] = blocks[j];
            blocks[j].start = start;
            blocks[j].order = order;
        }
        for (int i = 0; i < BLOCKS; i++)
            brkm_free_pages(blocks[i].start, blocks[i].order);
    }
    CHECK_TRUE(brkm_kernel_trim() >= page_size << BRKM_MAX_ORDER);
    CHECK_TRUE(brkm_kernel_trim() == 0);
}

static void exact(void)
{
    for (size_t pages = 1; pages < 200; pages += 1 + pages / 3) {
        size_t size = pages * page_size - 10;
        check_note("pages", pages);
        char *start = brkm_alloc_pages_exact(size, BRKM_GFP_KERNEL | BRKM_GFP_ZERO);
        CHECK_NOT_NULL(start);
        CHECK_TRUE((uintptr_t)start % page_size == 0);
        CHECK_TRUE(is_filled(start, 0, pages * page_size));
        memset(start, 3, pages * page_size);
        brkm_free_pages_exact(start, size);
    }
}

static void records(void)
{
    struct brkm_page *page = brkm_alloc_pages(BRKM_GFP_KERNEL, 3);
    char *start = brkm_page_address(page);
    CHECK_NOT_NULL(start);
    CHECK_TRUE(brkm_virt_to_page(start) == page);
    CHECK_TRUE(brkm_virt_to_page(start + page_size - 1) == page);
    CHECK_TRUE(brkm_virt_to_page(start + page_size) != page);
    CHECK_TRUE(brkm_virt_to_page(&page_size) == NULL);
    brkm_free_page_block(page, 3);
    CHECK_EQ_UINT(brkm_get_order(0), 0);
    CHECK_EQ_UINT(brkm_get_order(1), 0);
    CHECK_EQ_UINT(brkm_get_order(page_size), 0);
    CHECK_EQ_UINT(brkm_get_order(page_size + 1), 1);
    CHECK_EQ_UINT(brkm_get_order(4 * page_size), 2);
    CHECK_EQ_UINT(brkm_get_order(4 * page_size + 1), 3);
}

static void own_mapping(void)
{
    char *start = brkm_vmalloc(3 * page_size + 5);
    CHECK_NOT_NULL(start);
    CHECK_TRUE((uintptr_t)start % page_size == 0);
    CHECK_TRUE(is_filled(start, 0, 3 * page_size + 5));
    CHECK_TRUE(brkm_is_vmalloc_addr(start + page_size));
    CHECK_TRUE(!brkm_is_vmalloc_addr(&page_size));
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        start[4 * page_size] = 1;
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    CHECK_TRUE(WIFSIGNALED(status));
    brkm_vfree(start);
    brkm_vfree(NULL);
    enum { areas = 1500 };
    static char *many[areas];
    for (int i = 0; i < areas; i++) {
        many[i] = brkm_vzalloc(1 + (size_t)i);
        CHECK_NOT_NULL(many[i]);
    }
    for (int i = 0; i < areas; i++)
        brkm_vfree(many[(i * 7) % areas]);
}

struct text {
    char bytes[200000];
    size_t length;
};

static void keep(void *context, const char *bytes, size_t length)
{
    struct text *text = context;
    if (text->length + length < sizeof(text->bytes)) {
        memcpy(text->bytes + text->length, bytes, length);
        text->length += length;
    }
}

/* The figure of that name in the statistics. */
static unsigned long long figure(const char *name)
{
    static struct text text;
    unsigned long long value = 0;
    memset(&text, 0, sizeof(text));
    CHECK_EQ_INT(brkm_stats_print(keep, &text, BRKM_STATS_LINES), 0);
    const char *line = strstr(text.bytes, name);
    CHECK_NOT_NULL(line);
    CHECK_EQ_INT(sscanf(line + strlen(name), " %llu", &value), 1);
    return value;
}

static unsigned long long sum(void)
{
    return figure("memory.in_use") + figure("memory.cached") + figure("memory.free") +
           figure("memory.overhead");
}

/* The statistics know what is in use, to the object and to the page. */
static void figures(void)
{
    void *objects[300];
    struct brkm_kmem_cache *cache = brkm_kmem_cache_create("figures", 4000, 0, 0, NULL);
    unsigned long long before = figure("kernel.objects");
    unsigned long long bytes = figure("kernel.object_bytes");
    unsigned long long caches = figure("kernel.caches");
    for (int i = 0; i < 300; i++)
        objects[i] = brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
    CHECK_EQ_UINT(figure("kernel.objects"), before + 300);
    CHECK_EQ_UINT(figure("kernel.object_bytes"), bytes + 300 * 4000);
    for (int i = 0; i < 300; i++)
        brkm_kmem_cache_free(cache, objects[i]);
    CHECK_EQ_UINT(figure("kernel.objects"), before);
    brkm_kmem_cache_destroy(cache);
    CHECK_EQ_UINT(figure("kernel.caches"), caches - 1);
    unsigned long long pages = figure("kernel.page_bytes");
    void *block = brkm_get_free_pages(BRKM_GFP_KERNEL, 3);
    void *page = brkm_get_free_pages(BRKM_GFP_KERNEL, 0);
    CHECK_EQ_UINT(figure("kernel.page_bytes"), pages + 9 * page_size);
    brkm_free_pages(block, 3);
    brkm_free_pages(page, 0);
    CHECK_EQ_UINT(figure("kernel.page_bytes"), pages);
    unsigned long long areas = figure("kernel.area_bytes");
    void *area = brkm_vmalloc(3 * page_size);
    CHECK_EQ_UINT(figure("kernel.area_bytes"), areas + 3 * page_size);
    brkm_vfree(area);
    CHECK_EQ_UINT(figure("kernel.area_bytes"), areas);
    CHECK_EQ_UINT(figure("memory.total"), sum());
    CHECK_TRUE(figure("kernel.from_system") % page_size == 0);
}

int main(void)
{
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    each_order();
    cleared();
    coalesce();
    exact();
    records();
    own_mapping();
    figures();
    return check_done();
}
