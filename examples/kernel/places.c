/* SPDX-License-Identifier: MIT
 * Where objects, pages and areas lie, which of their pages are there before and after the first
 * touch, and which lie side by side in physical memory, where /proc/self/pagemap tells. */
#include <fcntl.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 8 };

/* The physical number of a page; 0 where the system does not tell. */
static uint64_t frame_of(const char *address)
{
    uint64_t entry = 0;
    int pagemap = open("/proc/self/pagemap", O_RDONLY);
    off_t at = (off_t)((uintptr_t)address / PAGE_SIZE * sizeof(entry));
    if (pagemap < 0 || pread(pagemap, &entry, sizeof(entry), at) != (ssize_t)sizeof(entry)) {
        entry = 0;
    }
    if (pagemap >= 0) {
        close(pagemap);
    }
    return entry >> 63 != 0 ? entry & (((uint64_t)1 << 55) - 1) : 0;
}

static int resident(char *start)
{
    unsigned char there[PAGES];
    int count = 0;
    if (mincore(start, PAGES * PAGE_SIZE, there) != 0) {
        return 0;
    }
    for (int i = 0; i < PAGES; i++) {
        count += there[i] & 1;
    }
    return count;
}

static void tell_physical(const char *start)
{
    int neighbours = 0;
    if (frame_of(start) == 0) {
        puts("not told to this user");
        return;
    }
    for (int i = 1; i < PAGES; i++) {
        neighbours += frame_of(start + (unsigned long)i * PAGE_SIZE) ==
                      frame_of(start + (unsigned long)(i - 1) * PAGE_SIZE) + 1;
    }
    printf("%d of %d pages follow the one before\n", neighbours, PAGES - 1);
}

static void tell(const char *what, char *start)
{
    if (start == NULL) {
        exit(1);
    }
    int before = resident(start);
    for (int i = 0; i < PAGES; i++) {
        start[(unsigned long)i * PAGE_SIZE] = 1;
    }
    printf(
        "%-16s %#14lx  virtual: contiguous  pages there: %d before, %d after a touch  physical: ",
        what, (unsigned long)start, before, resident(start));
    tell_physical(start);
}

int main(void)
{
    struct kmem_cache *cache = kmem_cache_create("thing", 200, 0, 0, NULL);
    char *first = kmem_cache_alloc(cache, GFP_KERNEL);
    char *second = kmem_cache_alloc(cache, GFP_KERNEL);
    char *pages = (char *)__get_free_pages(GFP_KERNEL, 3);
    char *large = kmalloc(PAGES * PAGE_SIZE, GFP_KERNEL);
    char *area = vmalloc(PAGES * PAGE_SIZE);
    tell("__get_free_pages", pages);
    tell("kmalloc", large);
    tell("vmalloc", area);
    printf("two objects of 200 bytes of one slab: %zu bytes apart\n",
           (size_t)(first > second ? first - second : second - first));
    vfree(area);
    kfree(large);
    free_pages((unsigned long)pages, 3);
    kmem_cache_free(cache, first);
    kmem_cache_free(cache, second);
    kmem_cache_destroy(cache);
    return 0;
}
