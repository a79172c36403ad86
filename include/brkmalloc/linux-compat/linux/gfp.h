/* SPDX-License-Identifier: MIT
 * Pages by the kernel's names. Addresses are `unsigned long` where the kernel has them so. */
#ifndef BRKMALLOC_LINUX_GFP_H
#define BRKMALLOC_LINUX_GFP_H

#include <linux/gfp_types.h>

/* Stands for struct brkm_page. */
struct page;
#define BRKM_COMPAT_PAGE_(of) ((struct brkm_page *)(uintptr_t)(of))

#define gfpflags_allow_blocking(flags) brkm_gfpflags_allow_blocking(flags)

#define alloc_pages(flags, order) ((struct page *)brkm_alloc_pages((flags), (order)))
#define alloc_pages_node(node, flags, order) ((void)(node), alloc_pages((flags), (order)))
#define alloc_page(flags) alloc_pages((flags), 0)
/* Fills the places that are NULL; returns how many of them, from the first on, are full. */
static inline unsigned long brkm_compat_pages_bulk(gfp_t flags, unsigned long count,
                                                   struct page **pages)
{
    unsigned long full = 0;
    while (full < count && (pages[full] != NULL ||
                            (pages[full] = (struct page *)brkm_alloc_pages(flags, 0)) != NULL)) {
        full++;
    }
    return full;
}
#define alloc_pages_bulk(flags, count, pages) brkm_compat_pages_bulk((flags), (count), (pages))
#define __free_pages(page_of_block, order) \
    brkm_free_page_block(BRKM_COMPAT_PAGE_(page_of_block), (order))
#define __free_page(single) __free_pages((single), 0)

#define __get_free_pages(flags, order) ((unsigned long)brkm_get_free_pages((flags), (order)))
#define __get_free_page(flags) __get_free_pages((flags), 0)
#define get_zeroed_page(flags) ((unsigned long)brkm_get_zeroed_page(flags))
#define free_pages(address, order) brkm_free_pages((void *)(unsigned long)(address), (order))
#define free_page(address) free_pages((address), 0)

#define alloc_pages_exact(size, flags) brkm_alloc_pages_exact((size), (flags))
#define free_pages_exact(address, size) brkm_free_pages_exact((address), (size))

#endif
