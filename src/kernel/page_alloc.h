/* SPDX-License-Identifier: MIT
 * Pages for callers: flags, magazines of single pages, checks. */
#ifndef BRKMALLOC_KERNEL_PAGE_ALLOC_H
#define BRKMALLOC_KERNEL_PAGE_ALLOC_H

#include "kernel/gfp.h"
#include "kernel/page_map.h"
#include "kernel/thread.h"

/* A block of pages of kind PAGE_IN_USE, cleared when the flags say so; checks, retries and failures
 * on purpose included. */
struct brkm_page *brkm__page_allocate(brkm_gfp_t flags, unsigned order, const char *caller);

/* The recorder takes note of a block of `size` bytes, if it wants to. */
void brkm__page_note(struct brkm_page *page, size_t size, brkm_gfp_t flags);

/* Takes back a block that was verified. Never waits. */
void brkm__page_release(struct brkm_page *page, unsigned order);

/* Gives all pages of a thread's magazine back to the zone. */
void brkm__page_flush(struct kernel_thread *thread);

#endif
