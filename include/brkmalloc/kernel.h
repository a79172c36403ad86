/* SPDX-License-Identifier: MIT
 *
 * brkmalloc: the kernel's family of allocators in user space: kmalloc and its flags, pages by
 * buddies, slab caches, vmalloc, memory pools and shrinkers. brkmalloc-kernel(3) says for each
 * function of the kernel what is the same here and what differs; the headers in linux-compat give
 * these functions the kernel's names.
 *
 * Contexts. "May wait" means: with flags that hold BRKM_GFP_DIRECT_RECLAIM (GFP_KERNEL and its
 * kin) a function may wait for locks and make system calls, and must not be called from a signal
 * handler. Without that flag (GFP_ATOMIC, GFP_NOWAIT) it does neither and is async-signal-safe,
 * also in a handler that interrupted any function of this library. Functions that give memory back
 * (kfree, kmem_cache_free, free_pages) never wait, make no system call and are async-signal-safe;
 * what they free goes back to the system with a later call that may wait.
 *
 * Misuse (an address that is none of this family's, a second free, a wrong cache or order, an
 * object that was written past its end where red zones are on) ends the program with one message on
 * standard error and abort, as in brkm_free. */
#ifndef BRKMALLOC_KERNEL_H
#define BRKMALLOC_KERNEL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "brkmalloc/brkmalloc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Flags of a request: the values of Linux ---- */

typedef unsigned int brkm_gfp_t;

#define BRKM_GFP_DMA 0x01u             /* an address below 16 MiB */
#define BRKM_GFP_HIGHMEM 0x02u         /* pages: any address, which here is no difference */
#define BRKM_GFP_DMA32 0x04u           /* an address below 4 GiB */
#define BRKM_GFP_MOVABLE 0x08u         /* accepted: nothing moves here */
#define BRKM_GFP_RECLAIMABLE 0x10u     /* accepted: an account of the kernel's */
#define BRKM_GFP_HIGH 0x20u            /* may use the reserve */
#define BRKM_GFP_IO 0x40u              /* shrinkers that do input and output may be called */
#define BRKM_GFP_FS 0x80u              /* shrinkers that call file systems may be called */
#define BRKM_GFP_ZERO 0x100u           /* cleared memory */
#define BRKM_GFP_DIRECT_RECLAIM 0x400u /* may wait: for locks, the system, shrinkers */
#define BRKM_GFP_KSWAPD_RECLAIM 0x800u /* accepted: there is no kswapd to wake */
#define BRKM_GFP_WRITE 0x1000u         /* accepted */
#define BRKM_GFP_NOWARN 0x2000u        /* no message when the request fails */
#define BRKM_GFP_RETRY_MAYFAIL 0x4000u /* several rounds of shrinkers before it fails */
#define BRKM_GFP_NOFAIL 0x8000u        /* never fails: waits until there is memory */
#define BRKM_GFP_NORETRY 0x10000u      /* no shrinkers: fails at once */
#define BRKM_GFP_MEMALLOC 0x20000u     /* may use the reserve */
#define BRKM_GFP_COMP 0x40000u         /* accepted: each block of pages is compound */
#define BRKM_GFP_NOMEMALLOC 0x80000u   /* must not use the reserve, whatever else is said */
#define BRKM_GFP_HARDWALL 0x100000u    /* accepted: there are no cpusets */
#define BRKM_GFP_THISNODE 0x200000u    /* accepted: there is one node */
#define BRKM_GFP_ACCOUNT 0x400000u     /* accepted: the process has one account */
#define BRKM_GFP_ZEROTAGS 0x800000u    /* accepted */
#define BRKM_GFP_ALL 0xfffdffu

#define BRKM_GFP_RECLAIM (BRKM_GFP_DIRECT_RECLAIM | BRKM_GFP_KSWAPD_RECLAIM)
#define BRKM_GFP_ATOMIC (BRKM_GFP_HIGH | BRKM_GFP_KSWAPD_RECLAIM)
#define BRKM_GFP_KERNEL (BRKM_GFP_RECLAIM | BRKM_GFP_IO | BRKM_GFP_FS)
#define BRKM_GFP_NOWAIT (BRKM_GFP_KSWAPD_RECLAIM | BRKM_GFP_NOWARN)
#define BRKM_GFP_NOIO BRKM_GFP_RECLAIM
#define BRKM_GFP_NOFS (BRKM_GFP_RECLAIM | BRKM_GFP_IO)
#define BRKM_GFP_USER (BRKM_GFP_KERNEL | BRKM_GFP_HARDWALL)
#define BRKM_GFP_HIGHUSER (BRKM_GFP_USER | BRKM_GFP_HIGHMEM)

/* True when a request with these flags may wait. */
static inline bool brkm_gfpflags_allow_blocking(brkm_gfp_t flags)
{
    return (flags & BRKM_GFP_DIRECT_RECLAIM) != 0;
}

/* From here to the matching restore, requests of the calling thread are without BRKM_GFP_FS (nofs),
 * or without BRKM_GFP_FS and BRKM_GFP_IO (noio). The pairs nest. Returns what restore takes. */
BRKM_API unsigned brkm_memalloc_nofs_save(void) BRKM_NOTHROW;
BRKM_API void brkm_memalloc_nofs_restore(unsigned saved) BRKM_NOTHROW;
BRKM_API unsigned brkm_memalloc_noio_save(void) BRKM_NOTHROW;
BRKM_API void brkm_memalloc_noio_restore(unsigned saved) BRKM_NOTHROW;

/* Errors of all functions that take flags, unless they say otherwise: NULL with errno ENOMEM when
 * there is no memory, a limit is met, the size is past the largest (option kmalloc_limit) or the
 * system gives no address of the zone; EINVAL when the flags contradict each other or are none,
 * which one warning tells too. A failed request without BRKM_GFP_NOWARN is told on standard error,
 * at most ten times per process. */

/* ---- kmalloc ---- */

/* What requests of 0 bytes get: not NULL, and no access is allowed. kfree takes it. */
#define BRKM_ZERO_SIZE_PTR ((void *)16)
#define BRKM_ZERO_OR_NULL_PTR(pointer) ((size_t)(pointer) <= (size_t)BRKM_ZERO_SIZE_PTR)

/* `size` bytes, aligned to 16, and to the size when that is a power of two. */
BRKM_API_ALLOC(1) void *brkm_kmalloc(size_t size, brkm_gfp_t flags) BRKM_NOTHROW;
/* The same, cleared. */
BRKM_API_ALLOC(1) void *brkm_kzalloc(size_t size, brkm_gfp_t flags) BRKM_NOTHROW;
/* count * size bytes; NULL with ENOMEM when the product overflows. */
BRKM_API_ALLOC(1, 2)
void *brkm_kmalloc_array(size_t count, size_t size, brkm_gfp_t flags) BRKM_NOTHROW;
/* The same, cleared. */
BRKM_API_ALLOC(1, 2) void *brkm_kcalloc(size_t count, size_t size, brkm_gfp_t flags) BRKM_NOTHROW;

/* Resizes what kmalloc gave; it may move. NULL is kmalloc; size 0 frees and returns
 * BRKM_ZERO_SIZE_PTR. With BRKM_GFP_ZERO the bytes behind the old ksize are cleared. When it fails
 * the old object stands. */
BRKM_API void *brkm_krealloc(void *object, size_t size, brkm_gfp_t flags) BRKM_NOTHROW
    __attribute__((alloc_size(2)));
BRKM_API void *brkm_krealloc_array(void *object, size_t count, size_t size,
                                   brkm_gfp_t flags) BRKM_NOTHROW __attribute__((alloc_size(2, 3)));

/* Gives back what kmalloc, a slab cache or brkm_malloc gave; NULL and BRKM_ZERO_SIZE_PTR do
 * nothing. The other way round brkm_free takes what kmalloc, a slab cache, vmalloc or kvmalloc
 * gave, brkm_realloc resizes it, and brkm_malloc_usable_size tells its size; so do malloc's
 * functions where the library stands for them. */
BRKM_API void brkm_kfree(const void *object) BRKM_NOTHROW;
/* The same; the object is cleared first, in a way that no compiler leaves out. */
BRKM_API void brkm_kfree_sensitive(const void *object) BRKM_NOTHROW;

/* Bytes that the object has, at least what was asked for; 0 for NULL and BRKM_ZERO_SIZE_PTR. */
BRKM_API size_t brkm_ksize(const void *object) BRKM_NOTHROW;

/* Copies in memory of kmalloc's: of `size` bytes, of a string (NULL gives NULL), and of a string's
 * first `most` characters with a zero behind them. */
BRKM_API void *brkm_kmemdup(const void *source, size_t size, brkm_gfp_t flags) BRKM_NOTHROW;
BRKM_API char *brkm_kstrdup(const char *string, brkm_gfp_t flags) BRKM_NOTHROW;
BRKM_API char *brkm_kstrndup(const char *string, size_t most, brkm_gfp_t flags) BRKM_NOTHROW;

/* A copy of `length` bytes with a zero behind them. */
BRKM_API char *brkm_kmemdup_nul(const char *source, size_t length, brkm_gfp_t flags) BRKM_NOTHROW;

/* kfree for each of `count`. */
BRKM_API void brkm_kfree_bulk(size_t count, void **objects) BRKM_NOTHROW;

/* printf into memory of kmalloc's. The formatting is libc's and not async-signal-safe. */
BRKM_API char *brkm_kasprintf(brkm_gfp_t flags, const char *format, ...) BRKM_NOTHROW
    __attribute__((format(printf, 2, 3)));
BRKM_API char *brkm_kvasprintf(brkm_gfp_t flags, const char *format, va_list list) BRKM_NOTHROW
    __attribute__((format(printf, 2, 0)));

/* ---- The reserve ---- */

/* Keeps objects of 64 bytes to 4 KiB, in powers of two, `bytes` in all and resident, for requests
 * that may use the reserve (GFP_ATOMIC) when nothing else is to be had without waiting. What was
 * taken is made good by the next request that may wait. 0 gives the reserve back. May wait. Returns
 * 0, or -1 with errno ENOMEM; the reserve then is as large as it could be made. */
BRKM_API int brkm_reserve_set(size_t bytes) BRKM_NOTHROW;
/* Bytes that are in the reserve now. */
BRKM_API size_t brkm_reserve_available(void) BRKM_NOTHROW;

/* ---- Pages ---- */

/* Blocks of 2^order pages of the system, orders 0 to BRKM_MAX_ORDER. */
#define BRKM_MAX_ORDER 10

struct brkm_page;

/* 2^order pages, aligned to their size. */
BRKM_API struct brkm_page *brkm_alloc_pages(brkm_gfp_t flags, unsigned order) BRKM_NOTHROW;
/* Gives them back: the page and the order as they came. NULL does nothing. */
BRKM_API void brkm_free_page_block(struct brkm_page *page, unsigned order) BRKM_NOTHROW;
/* The same by address. */
BRKM_API void *brkm_get_free_pages(brkm_gfp_t flags, unsigned order) BRKM_NOTHROW;
BRKM_API void *brkm_get_zeroed_page(brkm_gfp_t flags) BRKM_NOTHROW;
BRKM_API void brkm_free_pages(void *address, unsigned order) BRKM_NOTHROW;

/* `size` bytes in whole pages, up to 2^BRKM_MAX_ORDER pages: those of the block that are too many
 * go back at once. Freed with the same size. */
BRKM_API void *brkm_alloc_pages_exact(size_t size, brkm_gfp_t flags) BRKM_NOTHROW;
BRKM_API void brkm_free_pages_exact(void *address, size_t size) BRKM_NOTHROW;

/* The address of a page, the page of an address (NULL where it is none of this family's), and the
 * smallest order whose block holds `size` bytes. */
BRKM_API void *brkm_page_address(const struct brkm_page *page) BRKM_NOTHROW;
BRKM_API struct brkm_page *brkm_virt_to_page(const void *address) BRKM_NOTHROW;
BRKM_API unsigned brkm_get_order(size_t size) BRKM_NOTHROW;

/* ---- vmalloc ---- */

/* `size` bytes in a mapping of its own, aligned to a page, with an inaccessible page behind it. May
 * wait. vzalloc's is cleared, as vmalloc's is here too; vmalloc_huge asks for huge pages. */
BRKM_API_ALLOC(1) void *brkm_vmalloc(size_t size) BRKM_NOTHROW;
BRKM_API_ALLOC(1) void *brkm_vzalloc(size_t size) BRKM_NOTHROW;
BRKM_API_ALLOC(1) void *brkm_vmalloc_huge(size_t size, brkm_gfp_t flags) BRKM_NOTHROW;
/* With flags, which must allow to wait. */
BRKM_API_ALLOC(1) void *brkm_vmalloc_with(size_t size, brkm_gfp_t flags) BRKM_NOTHROW;
/* Resizes what vmalloc gave; it may move. NULL is vmalloc; size 0 frees and returns NULL. New bytes
 * are zero with BRKM_GFP_ZERO, if all requests for it had that flag. When it fails the old area
 * stands. */
BRKM_API void *brkm_vrealloc(const void *address, size_t size, brkm_gfp_t flags) BRKM_NOTHROW
    __attribute__((alloc_size(2)));
/* NULL does nothing. May wait. */
BRKM_API void brkm_vfree(const void *address) BRKM_NOTHROW;
/* True when the address lies in memory of vmalloc's. */
BRKM_API bool brkm_is_vmalloc_addr(const void *address) BRKM_NOTHROW;

/* kmalloc, or vmalloc where that has none or the size is past its largest and the flags may wait.
 * kvfree gives either back, and waits only for vmalloc's. */
BRKM_API_ALLOC(1) void *brkm_kvmalloc(size_t size, brkm_gfp_t flags) BRKM_NOTHROW;
BRKM_API_ALLOC(1) void *brkm_kvzalloc(size_t size, brkm_gfp_t flags) BRKM_NOTHROW;
BRKM_API_ALLOC(1, 2)
void *brkm_kvmalloc_array(size_t count, size_t size, brkm_gfp_t flags) BRKM_NOTHROW;
BRKM_API_ALLOC(1, 2) void *brkm_kvcalloc(size_t count, size_t size, brkm_gfp_t flags) BRKM_NOTHROW;
BRKM_API void brkm_kvfree(const void *address) BRKM_NOTHROW;
/* The same; `length` bytes are cleared first, in a way that no compiler leaves out. */
BRKM_API void brkm_kvfree_sensitive(const void *address, size_t length) BRKM_NOTHROW;
/* Resizes what either gave, as krealloc and vrealloc do. */
BRKM_API void *brkm_kvrealloc(const void *address, size_t size, brkm_gfp_t flags) BRKM_NOTHROW
    __attribute__((alloc_size(2)));
BRKM_API void *brkm_kvmemdup(const void *source, size_t size, brkm_gfp_t flags) BRKM_NOTHROW;

/* ---- Slab caches ---- */

struct brkm_kmem_cache;

/* Flags of a cache: the values of Linux. Others of Linux are accepted and do nothing. */
#define BRKM_SLAB_CONSISTENCY_CHECKS 0x100u
#define BRKM_SLAB_RED_ZONE 0x400u /* secret words around each object, verified when it is freed */
#define BRKM_SLAB_POISON 0x800u   /* free objects are filled, and verified when they are given */
#define BRKM_SLAB_HWCACHE_ALIGN                                                                 \
    0x2000u                           /* objects begin at a cache line, small ones do not cross \
                                       */
#define BRKM_SLAB_PANIC 0x40000u      /* no cache: the program ends, with a message */
#define BRKM_SLAB_NO_MERGE 0x1000000u /* never shares its slabs with a like cache */

struct brkm_kmem_cache_args {
    unsigned align;                /* a power of two, or 0 for what objects of the size need */
    unsigned useroffset, usersize; /* kept for brkm_kmem_cache_usercopy; nothing else */
    bool use_freeptr_offset;       /* accepted: no pointer lies in free objects here */
    unsigned freeptr_offset;       /* likewise */
    unsigned sheaf_capacity;       /* objects that each thread keeps; 0 for a fitting number */
    void (*ctor)(void *object);
};

/* A cache of objects of `size` bytes, up to 2^BRKM_MAX_ORDER pages. `ctor`, or NULL, is called once
 * for each object when its slab is made, not for each allocation: a free object must be as it was
 * constructed. The name is copied. May wait. NULL with EINVAL: size 0, or an alignment that is no
 * power of two or above a page. */
BRKM_API struct brkm_kmem_cache *brkm_kmem_cache_create(const char *name, unsigned size,
                                                        unsigned align, unsigned flags,
                                                        void (*ctor)(void *object)) BRKM_NOTHROW;
BRKM_API struct brkm_kmem_cache *
brkm_kmem_cache_create_args(const char *name, unsigned size,
                            const struct brkm_kmem_cache_args *args, unsigned flags) BRKM_NOTHROW;

/* An object. With a constructor BRKM_GFP_ZERO is a contradiction: a message, then abort. */
BRKM_API void *brkm_kmem_cache_alloc(struct brkm_kmem_cache *cache, brkm_gfp_t flags) BRKM_NOTHROW;
BRKM_API void *brkm_kmem_cache_zalloc(struct brkm_kmem_cache *cache, brkm_gfp_t flags) BRKM_NOTHROW;
/* `object` must come from this cache. NULL does nothing. */
BRKM_API void brkm_kmem_cache_free(struct brkm_kmem_cache *cache, void *object) BRKM_NOTHROW;

/* All `count` objects, whose number is returned, or none and 0. */
BRKM_API int brkm_kmem_cache_alloc_bulk(struct brkm_kmem_cache *cache, brkm_gfp_t flags,
                                        size_t count, void **objects) BRKM_NOTHROW;
BRKM_API void brkm_kmem_cache_free_bulk(struct brkm_kmem_cache *cache, size_t count,
                                        void **objects) BRKM_NOTHROW;

/* A sheaf: objects that are set aside, so that as many requests cannot fail, wait or meet a lock.
 */
struct brkm_slab_sheaf;

/* A sheaf of `count` objects; NULL when there are not so many. */
BRKM_API struct brkm_slab_sheaf *brkm_kmem_cache_prefill_sheaf(struct brkm_kmem_cache *cache,
                                                               brkm_gfp_t flags,
                                                               unsigned count) BRKM_NOTHROW;
/* Fills *sheaf up to `count` objects; another one may stand there afterwards. 0, or -ENOMEM, and
 * the sheaf is as it was. */
BRKM_API int brkm_kmem_cache_refill_sheaf(struct brkm_kmem_cache *cache, brkm_gfp_t flags,
                                          struct brkm_slab_sheaf **sheaf,
                                          unsigned count) BRKM_NOTHROW;
/* An object out of the sheaf, to be freed as any other; NULL when the sheaf is empty. Of the flags
 * BRKM_GFP_ZERO counts. */
BRKM_API void *brkm_kmem_cache_alloc_from_sheaf(struct brkm_kmem_cache *cache, brkm_gfp_t flags,
                                                struct brkm_slab_sheaf *sheaf) BRKM_NOTHROW;
/* Objects that are in it. */
BRKM_API unsigned brkm_kmem_cache_sheaf_size(const struct brkm_slab_sheaf *sheaf) BRKM_NOTHROW;
/* Ends a sheaf; what is in it goes back. */
BRKM_API void brkm_kmem_cache_return_sheaf(struct brkm_kmem_cache *cache, brkm_gfp_t flags,
                                           struct brkm_slab_sheaf *sheaf) BRKM_NOTHROW;

/* Gives slabs without objects in use back, those of the calling thread's magazine included. May
 * wait. Returns 0 when no slab is left, else 1. */
BRKM_API int brkm_kmem_cache_shrink(struct brkm_kmem_cache *cache) BRKM_NOTHROW;

/* Ends a cache; NULL does nothing. Objects in use are told on standard error, with the cache's name
 * and their number, and while the heap profile is on with the stacks that allocated them. They stay
 * allocated, as does the memory of their slabs. Every later use of the cache but that is misuse.
 * May wait. */
BRKM_API void brkm_kmem_cache_destroy(struct brkm_kmem_cache *cache) BRKM_NOTHROW;

/* Bytes of an object as they were given to create. */
BRKM_API unsigned brkm_kmem_cache_size(const struct brkm_kmem_cache *cache) BRKM_NOTHROW;

#define BRKM_KMEM_CACHE(type, flags) \
    brkm_kmem_cache_create(#type, sizeof(struct type), __alignof__(struct type), (flags), NULL)

/* The caches in the format of /proc/slabinfo, version 2.1. May wait. */
BRKM_API void brkm_slabinfo(FILE *stream) BRKM_NOTHROW;

/* Gives back to the system what no object and no page needs. May wait. Returns the bytes. */
BRKM_API size_t brkm_kernel_trim(void) BRKM_NOTHROW;

/* ---- Memory pools ---- */

/* The members are the library's. All zero is a pool that was not initialized. */
struct brkm_mempool {
    unsigned lock;
    int least, count;
    void **elements;
    void *(*alloc)(brkm_gfp_t flags, void *data);
    void (*free)(void *element, void *data);
    void *data;
};
typedef void *brkm_mempool_alloc_fn(brkm_gfp_t flags, void *data);
typedef void brkm_mempool_free_fn(void *element, void *data);

/* A pool that always has `least` elements, at least 1, made by `alloc`. May wait. NULL with ENOMEM,
 * or EINVAL when `least` is below 1. */
BRKM_API struct brkm_mempool *brkm_mempool_create(int least, brkm_mempool_alloc_fn *alloc,
                                                  brkm_mempool_free_fn *free,
                                                  void *data) BRKM_NOTHROW;
BRKM_API struct brkm_mempool *brkm_mempool_create_kmalloc_pool(int least, size_t size) BRKM_NOTHROW;
BRKM_API struct brkm_mempool *
brkm_mempool_create_slab_pool(int least, struct brkm_kmem_cache *cache) BRKM_NOTHROW;

BRKM_API struct brkm_mempool *brkm_mempool_create_page_pool(int least, unsigned order) BRKM_NOTHROW;
/* The same in memory of the caller's: 0, or -ENOMEM or -EINVAL. Ended by exit, which does nothing
 * to a pool that is all zero. */
BRKM_API int brkm_mempool_init(struct brkm_mempool *pool, int least, brkm_mempool_alloc_fn *alloc,
                               brkm_mempool_free_fn *free, void *data) BRKM_NOTHROW;
BRKM_API void brkm_mempool_exit(struct brkm_mempool *pool) BRKM_NOTHROW;
BRKM_API bool brkm_mempool_is_initialized(const struct brkm_mempool *pool) BRKM_NOTHROW;

/* An element by `alloc`, or else one that the pool keeps. Where there is none, flags that may wait
 * wait until one is freed; others get NULL. */
BRKM_API void *brkm_mempool_alloc(struct brkm_mempool *pool, brkm_gfp_t flags) BRKM_NOTHROW;
/* The pool keeps it where it has fewer than its least number; NULL does nothing. */
BRKM_API void brkm_mempool_free(void *element, struct brkm_mempool *pool) BRKM_NOTHROW;
/* Another least number. May wait. 0, or -1 with ENOMEM or EINVAL. */
BRKM_API int brkm_mempool_resize(struct brkm_mempool *pool, int least) BRKM_NOTHROW;
/* All elements must be back. May wait. NULL does nothing. */
BRKM_API void brkm_mempool_destroy(struct brkm_mempool *pool) BRKM_NOTHROW;

/* ---- Shrinkers ---- */

#define BRKM_SHRINK_STOP ((unsigned long)-1)
#define BRKM_SHRINK_EMPTY ((unsigned long)-2)

struct brkm_shrink_control {
    brkm_gfp_t gfp_mask;      /* of the request that is short of memory */
    unsigned long nr_to_scan; /* objects to look at */
    unsigned long nr_scanned; /* set by scan_objects when it looked at fewer */
};

/* Gives memory back when a request that may wait fails or a limit is near. count_objects says how
 * many objects could go, scan_objects frees up to nr_to_scan and returns how many, or
 * BRKM_SHRINK_STOP. Both may free; what they allocate must be without BRKM_GFP_DIRECT_RECLAIM. */
struct brkm_shrinker {
    unsigned long (*count_objects)(struct brkm_shrinker *self, struct brkm_shrink_control *control);
    unsigned long (*scan_objects)(struct brkm_shrinker *self, struct brkm_shrink_control *control);
    long batch; /* objects per call, 0 for 128 */
    int seeks;  /* accepted */
    unsigned flags;
    void *private_data;
    struct brkm_shrinker *next; /* the library's */
};

/* alloc makes one that is cleared; register_ puts it in force; free ends it and waits for calls
 * under way. May wait. */
BRKM_API struct brkm_shrinker *brkm_shrinker_alloc(unsigned flags, const char *format,
                                                   ...) BRKM_NOTHROW
    __attribute__((format(printf, 2, 3)));
BRKM_API void brkm_shrinker_register(struct brkm_shrinker *shrinker) BRKM_NOTHROW;
BRKM_API void brkm_shrinker_free(struct brkm_shrinker *shrinker) BRKM_NOTHROW;

/* ---- Requests that fail on purpose ---- */

/* As the kernel's failslab. All zero turns it off. */
struct brkm_failslab {
    unsigned probability;   /* percent of the requests that fail */
    unsigned long interval; /* only every so many-th request may; 0 as 1 */
    long times;             /* at most so many fail; -1 for no bound */
    unsigned long space;    /* bytes that are served before the first may fail */
    size_t least, most;     /* only requests of at least and at most so many bytes; most 0: any */
    const char *cache;      /* only objects of the cache of that name; NULL for all, kmalloc too */
    bool also_may_wait;     /* requests that may wait fail as well, unless they must not */
    unsigned seed;          /* of the random numbers, 0 as 1: the same seed, the same failures */
};

/* May wait. The name is copied. */
BRKM_API void brkm_failslab_set(const struct brkm_failslab *settings) BRKM_NOTHROW;
/* Requests that were made to fail so far. */
BRKM_API unsigned long brkm_failslab_count(void) BRKM_NOTHROW;

#ifdef __cplusplus
}
#endif

#endif
