/* SPDX-License-Identifier: MIT
 * How many pages blocks lie on, as they come and go: what an allocator cannot give back, wherever
 * its own blocks are. */
#ifndef REPORT_PAGES_H
#define REPORT_PAGES_H

#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES 4096

/* Pages that a block begins or ends on, with the number of such blocks. */
struct page_count {
    uint64_t page; /* its number + 1; 0: none */
    uint32_t blocks;
};

struct pages {
    struct page_count *counts; /* open addressing, at most half full */
    size_t capacity;
    size_t used;
    uint64_t held; /* pages with a byte of a block */
};

void pages_free(struct pages *pages);
void pages_add(struct pages *pages, uint64_t address, uint64_t bytes);
void pages_remove(struct pages *pages, uint64_t address, uint64_t bytes);

#endif
