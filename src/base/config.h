/* SPDX-License-Identifier: MIT
 * Every compile-time constant of the allocator, with its unit and its reason. */
#ifndef BRKMALLOC_BASE_CONFIG_H
#define BRKMALLOC_BASE_CONFIG_H

#include <stddef.h>

/* 1: cheap assertions; 2: also walks of the whole heap after each operation on it, of a large one
 * after every few (heap/walk.h). */
#ifndef BRKM_CHECKED
#define BRKM_CHECKED 0
#endif

/* 1: tell valgrind about blocks. Costs a few instructions per call even outside valgrind. */
#ifndef BRKM_VALGRIND
#define BRKM_VALGRIND 0
#endif

/* 1: probes for bpftrace, perf, gdb and systemtap (probes.h); needs sys/sdt.h. */
#ifndef BRKM_PROBES
#define BRKM_PROBES 0
#endif

/* 1: libgcc's unwinder takes no lock, and may be asked for stacks (backtrace.h). */
#ifndef BRKM_UNWINDER
#define BRKM_UNWINDER 0
#endif

/* 1: the child of a fork that runs no handlers goes on in spite of locks that other threads of the
 * parent's held (process/bare_fork.h). */
#ifndef BRKM_BARE_FORK
#define BRKM_BARE_FORK 1
#endif

/* 1: the rooms that a build may go without are in it: guard/, profile/, stats/, service/ and
 * kernel/. */
#ifndef BRKM_GUARD
#define BRKM_GUARD 1
#endif
#ifndef BRKM_PROFILE
#define BRKM_PROFILE 1
#endif
#ifndef BRKM_STATS
#define BRKM_STATS 1
#endif
#ifndef BRKM_SERVICE
#define BRKM_SERVICE 1
#endif
#ifndef BRKM_KERNEL
#define BRKM_KERNEL 1
#endif

#define BRKM_KIB ((size_t)1 << 10)
#define BRKM_MIB ((size_t)1 << 20)
#define BRKM_GIB ((size_t)1 << 30)

/* Bytes. What the ABI asks for max_align_t on x86-64 and aarch64; block sizes are its multiples. */
#define BRKM_ALIGNMENT ((size_t)16)

/* Bytes of struct mem_control_block before every payload. */
#define BRKM_HEADER_SIZE ((size_t)8)

/* Bytes. A free block holds its header, two links and the boundary tag. */
#define BRKM_MIN_BLOCK ((size_t)32)

/* Bytes. The largest block of the heap that can be in use: its header has 29 bits for the size in
 * units of 8 bytes, and the last value means something else. */
#define BRKM_MAX_BLOCK ((size_t)0xffffffe0)

/* Bytes. The largest request, with its alignment, that the heap serves; larger ones are always
 * mapped blocks. Leaves room for slack below BRKM_MAX_BLOCK. */
#define BRKM_HEAP_REQUEST_MAX (2 * BRKM_GIB)

/* Bytes. Up to this block size each multiple of 16 has a bin of its own. */
#define BRKM_EXACT_LIMIT ((size_t)1024)

/* Above BRKM_EXACT_LIMIT each power of two is cut into 1 << BRKM_SUBDIVISION_BITS bins, so that the
 * sizes within one bin differ by at most 6.25 %. */
#define BRKM_SUBDIVISION_BITS 4

/* Bins in all: exact ones, then 16 for each power of two up to 128 GiB. Eight words of bin map. */
#define BRKM_BIN_COUNT 512

/* Blocks looked at within one bin for the best fit; a bound that keeps the search O(1). A guess:
 * with 6.25 % bins the first few are as good as all. */
#define BRKM_BIN_SCAN 8

/* Bytes that the break grows by at least, and the share of the heap (1/8) and the bound that it
 * grows by at a time. Fresh break is not resident until it is touched, so a large step costs
 * address space only, while small steps cost a system call each. */
#define BRKM_GROW_MIN (256 * BRKM_KIB)
#define BRKM_GROW_SHARE 8
#define BRKM_GROW_MAX (32 * BRKM_MIB)

/* Heaps beside the main one, at most; each costs 5 KiB of address space until it is used. */
#define BRKM_SIDE_HEAPS_MAX 64

/* Bytes. The largest block that side heaps serve. Those up to BRKM_CACHED_MAX, which threads take
 * often, are cut from lines of their own; larger ones share the main heap's free space until the
 * thread has found its lock awaited too often: each time counts for BRKM_HOME_LARGE_WAIT visits
 * without, and BRKM_HOME_LARGE_PATIENCE of those are enough. Two threads that do nothing but to
 * replace blocks of 100 KB to 3.1 MB do 1.6 to 2.5 times as much apart, in 1.15 times the memory.
 */
#define BRKM_SIDE_BLOCK_MAX (4 * BRKM_MIB)
#define BRKM_HOME_LARGE_WAIT 8
#define BRKM_HOME_LARGE_PATIENCE 32

/* Bytes. Chunks are whole granules. A chunk has at least BRKM_CHUNK_MIN, and as much as the share
 * (1/8) of what its heap has borrowed, up to a bound: a few hundred chunks at most are open at one
 * time, and a heap that is small keeps little to itself. */
#define BRKM_CHUNK_GRANULE (64 * BRKM_KIB)
#define BRKM_CHUNK_MIN (128 * BRKM_KIB)
#define BRKM_CHUNK_SHARE 8
#define BRKM_CHUNK_MAX (4 * BRKM_MIB)

/* The share (1/8) of what a side heap has in use that it may have free, beside a chunk that is free
 * as a whole, before that goes back. */
#define BRKM_CHUNK_FREE_SHARE 8

/* Granules above the window's start that chunks can lie in: 1 TiB. The map of them takes a byte
 * each, which is address space until it is written to. */
#define BRKM_CHUNK_GRANULES ((size_t)1 << 24)

/* Free bytes of the main heap that side heaps leave alone while they can have others: as much as
 * may lie free in any program (the purge threshold and a share (1/16) of what was handed out). Two
 * threads with blocks of 64 to 2560 bytes do 1.4 times as much as when they look there first, and
 * need 0.6 MiB more; with half of the constant realloc of up to 4 KB gains half as much. */
#define BRKM_HOLES_LEFT_MIN BRKM_MIB
#define BRKM_HOLES_LEFT_SHARE 16

/* Visits to its heap, while there are other threads, after which a thread asks for one with fewer
 * threads; one in which somebody waited for the lock counts for more. Threads that live shortly, or
 * whose caches serve nearly all, stay in the main heap: there they share cache lines, which costs
 * as much as they allocate, and free memory, of which a heap of their own would keep more. */
#define BRKM_HOME_PATIENCE 512
#define BRKM_HOME_WAIT 32

/* Bytes. Blocks up to BRKM_CACHED_MAX go through the thread caches. Each size up to
 * BRKM_CACHED_EXACT_MAX is a class of its own, and such blocks are served on the fast path; above,
 * 1 << BRKM_MEDIUM_BITS classes for each doubling, so that rounding up to a class wastes at most
 * 6.25 %. Where a class has no block one of the next will do, if it is at most BRKM_CACHED_WASTE
 * (1/8) larger: 1024 blocks of 64 to 2560 bytes, replaced at random, take 0.87 of the time, and
 * less memory, than if only medium classes did so. */
#define BRKM_CACHED_EXACT_MAX ((size_t)2032)
#define BRKM_CACHED_MAX (64 * BRKM_KIB)
#define BRKM_MEDIUM_BITS 4
#define BRKM_CACHED_WASTE 8

/* Bytes. Up to this size a block that realloc moves because it grows in small steps gets room for
 * the next ones. Larger ones mostly grow in place, or without copying (mremap). */
#define BRKM_ROOM_TO_GROW_MAX BRKM_MIB

/* Rows of places without headers, for requests of up to three times their alignment: a header takes
 * one alignment more, a third and up. Bytes of the alignments that have them: below, the slack is
 * small, and above, pages of address space alone. */
#define BRKM_ROW_ALIGNMENT_MIN ((size_t)32)
#define BRKM_ROW_ALIGNMENT_MAX (16 * BRKM_KIB)
#define BRKM_ROW_MULTIPLES 3

/* Places of a row, at the least, so that a row is worth its record, and at most; and bytes: with
 * pages of 4 KiB the one that is lost in front of a row is 0.8 % of it. */
#define BRKM_ROW_PLACES_MIN 16
#define BRKM_ROW_PLACES_MAX 1024
#define BRKM_ROW_BYTES_MAX (512 * BRKM_KIB)

/* Blocks, and bytes of blocks, that move between thread cache, depot and heap at a time. 64 blocks
 * share the price of a lock, and of cutting and coalescing a run, well enough: against 32 a program
 * with many strings of up to 40 bytes takes 0.7 of the time, and no memory scenario needs more.
 * With 8 KiB instead of 4 what a phase of frees leaves behind doubles. */
#define BRKM_BATCH_BLOCKS 64
#define BRKM_BATCH_BYTES (4 * BRKM_KIB)

/* Bytes by which the count of handed-out bytes that threads read without a lock may be off: small
 * beside the bounds that are set by it. */
#define BRKM_HANDED_OUT_STEP (64 * BRKM_KIB)

/* Bytes that processors move between their caches at a time. */
#define BRKM_CACHE_LINE 64

/* Bytes that a thread cache may hold at first and after a phase of frees alone: what an idle thread
 * costs. */
#define BRKM_CACHE_BUDGET_MIN (64 * BRKM_KIB)

/* Bytes that all thread caches and the depot together may hold: the largest of a constant for each
 * thread that has a cache, up to a bound, of a share (1/4) of what the heap has handed out, up to
 * the same bound, and of a smaller share (1/20) of it.
 *
 * A thread alone does as well with the constant: cc1 and perl need at most 0.4 % more instructions
 * than with twice as much, and a heap of 3 MiB a tenth less memory. Threads that shared a constant
 * of 2 MiB missed 57 times as often where four of them resize blocks of up to 4 KB, and took twice
 * the time, for 2.7 MiB less. The share is where time costs least: two threads with blocks of 1 to
 * 61 KB take 0.35 of the time that 2 MiB leave them, in 1.1 times the memory; beyond its bound
 * there is little time left to win. */
#define BRKM_IDLE_PER_THREAD BRKM_MIB
#define BRKM_IDLE_SMALL_SHARE 4
#define BRKM_IDLE_SMALL_MAX (8 * BRKM_MIB)
#define BRKM_IDLE_SHARE 20

/* The depot's share (1/4) of that, of what two threads at most may leave. */
#define BRKM_IDLE_DEPOT_SHARE 4

/* Batches of one class in the depot. */
#define BRKM_DEPOT_BATCHES 64

/* Page return. Free pages that may stay resident: an option (bytes), a share (1/16) of what is in
 * use, and what was purged and asked for again lately, up to another share (1/4). Each look past
 * that gives back half of the excess, but no more than a step, since the heap is locked meanwhile
 * (4 MiB take about 0.3 ms). */
#define BRKM_PURGE_THRESHOLD_DEFAULT (1 * BRKM_MIB)
#define BRKM_DIRTY_SHARE 16
#define BRKM_REGRET_SHARE 4
#define BRKM_PURGE_STEP (4 * BRKM_MIB)

/* Bytes of purged pages that may be asked for again before as much stays, and how many of them are
 * forgotten per millisecond. 4 MiB per second are 1024 page faults; measured in virtual machines at
 * 3 to 20 microseconds each, 0.3 to 2 % of a processor's time. With four times as much of both
 * Python with malloc for all objects had 1.5 times the faults, Ruby 1.3 times, a burst of 5 MiB
 * three times; no memory scenario needed less at its peak, though what stays once all is freed was
 * 3 to 12 MiB less in four of sixteen. */
#define BRKM_REGRET_MAX (2 * BRKM_MIB)
#define BRKM_REGRET_FADES (4 * BRKM_KIB)

/* Bytes of free top that are kept when the top is trimmed, and that a trim must at least give back.
 * As glibc's defaults; the threshold follows the mapped-block threshold upwards. */
#define BRKM_TOP_PAD_DEFAULT (128 * BRKM_KIB)
#define BRKM_TRIM_THRESHOLD_DEFAULT (256 * BRKM_KIB)

/* Bytes. Blocks at least this large are mapped blocks. The threshold rises to the size of a mapped
 * block that is freed, up to the bound, so that a program that cycles large blocks stops paying for
 * mmap and page faults. */
#define BRKM_MAPPED_THRESHOLD_DEFAULT (256 * BRKM_KIB)
#define BRKM_MAPPED_THRESHOLD_MAX (32 * BRKM_MIB)

/* Mapped blocks at one time; beyond it large blocks come from the heap. glibc's default, and the
 * kernel's own default limit is 65530 mappings. */
#define BRKM_MAPPED_COUNT_MAX 65536

/* Bytes of the first fallback region, made where sbrk fails. */
#define BRKM_FALLBACK_MIN BRKM_MIB

/* Regions at one time: one for each contiguous stretch of break and one for each fallback region.
 * Growth is geometric, so a heap of 1 TiB from fallback regions alone uses about 120. */
#define BRKM_REGION_COUNT 512

/* Guarded blocks at one time. Each costs two pages of addresses, up to two of the 65530 mappings
 * that the kernel allows a process, and while it is in use a page of memory. */
#define BRKM_GUARD_SLOTS_DEFAULT 128
#define BRKM_GUARD_SLOTS_MAX 8192

/* Tries to take a contended lock before sleeping. */
#define BRKM_LOCK_SPINS 64

/* Bytes of one line of report; longer lines are cut. */
#define BRKM_REPORT_LINE 1024

_Static_assert(BRKM_MIN_BLOCK % BRKM_ALIGNMENT == 0, "block sizes are multiples of the alignment");
_Static_assert(BRKM_MAX_BLOCK % BRKM_ALIGNMENT == 0, "block sizes are multiples of the alignment");
_Static_assert(BRKM_BIN_COUNT % 64 == 0 && BRKM_BIN_COUNT / 64 <= 32,
               "the bin map is whole words under one 32-bit summary");
_Static_assert((BRKM_EXACT_LIMIT & (BRKM_EXACT_LIMIT - 1)) == 0,
               "subdivided bins begin at a power of two");
_Static_assert(BRKM_MAPPED_THRESHOLD_MAX <= BRKM_HEAP_REQUEST_MAX,
               "the heap can hold what is not mapped");
_Static_assert(BRKM_ROW_PLACES_MAX % 64 == 0, "the places of a row are whole words of bits");
_Static_assert(2 * BRKM_HEAP_REQUEST_MAX - BRKM_MIB < BRKM_MAX_BLOCK,
               "a request and an alignment as large fit into one block");

#endif
