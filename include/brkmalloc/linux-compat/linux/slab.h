/* SPDX-License-Identifier: MIT
 * kmalloc and slab caches by the kernel's names, for code that compiles unmodified. Write
 * -I.../brkmalloc/linux-compat (pkg-config --cflags brkmalloc-kernel gives it). */
#ifndef BRKMALLOC_LINUX_SLAB_H
#define BRKMALLOC_LINUX_SLAB_H

#include <linux/gfp.h>
#include <string.h>

#define ZERO_SIZE_PTR BRKM_ZERO_SIZE_PTR
#define ZERO_OR_NULL_PTR(pointer) BRKM_ZERO_OR_NULL_PTR(pointer)
#define KMALLOC_MAX_SIZE ((size_t)4 << 20)
#define ARCH_KMALLOC_MINALIGN 16

/* ---- kmalloc ---- */

#define kmalloc(size, flags) brkm_kmalloc((size), (flags))
#define kmalloc_node(size, flags, node) ((void)(node), brkm_kmalloc((size), (flags)))
#define kzalloc(size, flags) brkm_kzalloc((size), (flags))
#define kzalloc_node(size, flags, node) ((void)(node), brkm_kzalloc((size), (flags)))
#define kmalloc_array(count, size, flags) brkm_kmalloc_array((count), (size), (flags))
#define kcalloc(count, size, flags) brkm_kcalloc((count), (size), (flags))
#define kmalloc_array_node(count, size, flags, node) \
    ((void)(node), brkm_kmalloc_array((count), (size), (flags)))
#define kcalloc_node(count, size, flags, node) \
    ((void)(node), brkm_kcalloc((count), (size), (flags)))
/* From any context: never waits. */
#define kmalloc_nolock(size, flags, node) \
    ((void)(node), brkm_kmalloc((size), ((flags) & ~__GFP_RECLAIM) | __GFP_NOWARN))
#define krealloc(object, size, flags) brkm_krealloc((void *)(uintptr_t)(object), (size), (flags))
#define krealloc_array(object, count, size, flags) \
    brkm_krealloc_array((void *)(uintptr_t)(object), (count), (size), (flags))
#define kfree(object) brkm_kfree(object)
#define kfree_sensitive(object) brkm_kfree_sensitive(object)
#define kzfree(object) brkm_kfree_sensitive(object)
#define kfree_nolock(object) brkm_kfree(object)
#define kfree_const(object) brkm_kfree(object)
#define ksize(object) brkm_ksize(object)
#define kmemdup(source, size, flags) brkm_kmemdup((source), (size), (flags))
#define kmemdup_array(source, count, size, flags) \
    brkm_kmemdup((source), brkm_compat_mul((count), (size)), (flags))
#define kmemdup_nul(source, length, flags) brkm_kmemdup_nul((source), (length), (flags))
#define kvmemdup(source, size, flags) brkm_kvmemdup((source), (size), (flags))
#define kstrdup_const(string, flags) brkm_kstrdup((string), (flags))
#define kstrdup(string, flags) brkm_kstrdup((string), (flags))
#define kstrndup(string, most, flags) brkm_kstrndup((string), (most), (flags))
#define kasprintf(flags, ...) brkm_kasprintf((flags), __VA_ARGS__)
#define kvasprintf(flags, format, list) brkm_kvasprintf((flags), (format), (list))

/* There are no readers to wait for: freed at once. */
#define kfree_rcu(object, field) brkm_kfree(object)
#define kfree_rcu_mightsleep(object) brkm_kfree(object)
#define kvfree_rcu(object, field) brkm_kvfree(object)

#define kvmalloc(size, flags) brkm_kvmalloc((size), (flags))
#define kvzalloc(size, flags) brkm_kvzalloc((size), (flags))
#define kvmalloc_node(size, flags, node) ((void)(node), brkm_kvmalloc((size), (flags)))
#define kvzalloc_node(size, flags, node) ((void)(node), brkm_kvzalloc((size), (flags)))
#define kvrealloc(object, size, flags) brkm_kvrealloc((object), (size), (flags))
#define kvmalloc_array(count, size, flags) brkm_kvmalloc_array((count), (size), (flags))
#define kvcalloc(count, size, flags) brkm_kvcalloc((count), (size), (flags))
#define kvfree(object) brkm_kvfree(object)
#define kvfree_sensitive(object, length) brkm_kvfree_sensitive((object), (length))
#define kfree_bulk(count, objects) brkm_kfree_bulk((count), (objects))

/* Typed forms: a type or an expression of it, and flags, GFP_KERNEL where they are left out. */
#define BRKM_COMPAT_FLAGS_(...) BRKM_COMPAT_FIRST_(__VA_OPT__(__VA_ARGS__, ) GFP_KERNEL, )
#define BRKM_COMPAT_FIRST_(first, ...) (first)
#define kmalloc_obj(type, ...) \
    ((__typeof__(type) *)brkm_kmalloc(sizeof(type), BRKM_COMPAT_FLAGS_(__VA_ARGS__)))
#define kzalloc_obj(type, ...) \
    ((__typeof__(type) *)brkm_kzalloc(sizeof(type), BRKM_COMPAT_FLAGS_(__VA_ARGS__)))
#define kvmalloc_obj(type, ...) \
    ((__typeof__(type) *)brkm_kvmalloc(sizeof(type), BRKM_COMPAT_FLAGS_(__VA_ARGS__)))
#define kvzalloc_obj(type, ...) \
    ((__typeof__(type) *)brkm_kvzalloc(sizeof(type), BRKM_COMPAT_FLAGS_(__VA_ARGS__)))
#define kmalloc_objs(type, count, ...) \
    ((__typeof__(type) *)brkm_kmalloc_array((count), sizeof(type), BRKM_COMPAT_FLAGS_(__VA_ARGS__)))
#define kzalloc_objs(type, count, ...) \
    ((__typeof__(type) *)brkm_kcalloc((count), sizeof(type), BRKM_COMPAT_FLAGS_(__VA_ARGS__)))
#define kvmalloc_objs(type, count, ...)                             \
    ((__typeof__(type) *)brkm_kvmalloc_array((count), sizeof(type), \
                                             BRKM_COMPAT_FLAGS_(__VA_ARGS__)))
#define kvzalloc_objs(type, count, ...) \
    ((__typeof__(type) *)brkm_kvcalloc((count), sizeof(type), BRKM_COMPAT_FLAGS_(__VA_ARGS__)))

#define BRKM_COMPAT_FLEX_(type, member, count)          \
    brkm_compat_add(offsetof(__typeof__(type), member), \
                    brkm_compat_mul(sizeof(((__typeof__(type) *)0)->member[0]), (count)))
#ifndef struct_size
#define struct_size(pointer, member, count) BRKM_COMPAT_FLEX_(*(pointer), member, count)
#endif
#define kmalloc_flex(type, member, count, ...)                                  \
    ((__typeof__(type) *)brkm_kmalloc(BRKM_COMPAT_FLEX_(type, member, (count)), \
                                      BRKM_COMPAT_FLAGS_(__VA_ARGS__)))
#define kzalloc_flex(type, member, count, ...)                                  \
    ((__typeof__(type) *)brkm_kzalloc(BRKM_COMPAT_FLEX_(type, member, (count)), \
                                      BRKM_COMPAT_FLAGS_(__VA_ARGS__)))

#define kvmalloc_flex(type, member, count, ...)                                  \
    ((__typeof__(type) *)brkm_kvmalloc(BRKM_COMPAT_FLEX_(type, member, (count)), \
                                       BRKM_COMPAT_FLAGS_(__VA_ARGS__)))
#define kvzalloc_flex(type, member, count, ...)                                  \
    ((__typeof__(type) *)brkm_kvzalloc(BRKM_COMPAT_FLEX_(type, member, (count)), \
                                       BRKM_COMPAT_FLAGS_(__VA_ARGS__)))

/* A variable with __free(kfree) is freed where its scope ends. */
#ifndef DEFINE_FREE
#define DEFINE_FREE(name, type, free)                                             \
    static inline __attribute__((unused)) void __free_##name(void *brkm_variable) \
    {                                                                             \
        type _T = *(type *)brkm_variable;                                         \
        free;                                                                     \
    }
#define __free(name) __attribute__((cleanup(__free_##name)))
#endif
DEFINE_FREE(kfree, void *, if (_T) brkm_kfree(_T))
DEFINE_FREE(kvfree, void *, if (_T) brkm_kvfree(_T))

/* ---- Slab caches ---- */

#define kmem_cache brkm_kmem_cache
#define kmem_cache_args brkm_kmem_cache_args

#define SLAB_CONSISTENCY_CHECKS BRKM_SLAB_CONSISTENCY_CHECKS
#define SLAB_RED_ZONE BRKM_SLAB_RED_ZONE
#define SLAB_POISON BRKM_SLAB_POISON
#define SLAB_HWCACHE_ALIGN BRKM_SLAB_HWCACHE_ALIGN
#define SLAB_PANIC BRKM_SLAB_PANIC
#define SLAB_NO_MERGE BRKM_SLAB_NO_MERGE
/* Accepted, no meaning in a process. */
#define SLAB_STORE_USER 0x10000u
#define SLAB_RECLAIM_ACCOUNT 0x20000u
#define SLAB_TYPESAFE_BY_RCU 0x80000u
#define SLAB_MEM_SPREAD 0u
#define SLAB_TRACE 0x200000u
#define SLAB_ACCOUNT 0x4000000u
#define SLAB_TEMPORARY SLAB_RECLAIM_ACCOUNT

/* Five arguments, or four with a struct kmem_cache_args (or NULL) in the third place. */
static inline struct brkm_kmem_cache *brkm_compat_create4(const char *name, unsigned size,
                                                          const struct brkm_kmem_cache_args *args,
                                                          unsigned flags)
{
    return brkm_kmem_cache_create_args(name, size, args, flags);
}
#define BRKM_COMPAT_PICK_(a, b, c, d, e, chosen, ...) chosen
#define kmem_cache_create(...) \
    BRKM_COMPAT_PICK_(__VA_ARGS__, brkm_kmem_cache_create, brkm_compat_create4, , , )(__VA_ARGS__)
#define kmem_cache_create_usercopy(name, size, align, flags, offset, length, ctor) \
    ((void)(offset), (void)(length),                                               \
     brkm_kmem_cache_create((name), (size), (align), (flags), (ctor)))
#define KMEM_CACHE(type, flags) BRKM_KMEM_CACHE(type, flags)
#define KMEM_CACHE_USERCOPY(type, flags, field) BRKM_KMEM_CACHE(type, flags)

#define kmem_cache_alloc(cache, flags) brkm_kmem_cache_alloc((cache), (flags))
#define kmem_cache_alloc_node(cache, flags, node) \
    ((void)(node), brkm_kmem_cache_alloc((cache), (flags)))
#define kmem_cache_alloc_lru(cache, lru, flags) \
    ((void)(lru), brkm_kmem_cache_alloc((cache), (flags)))
#define kmem_cache_zalloc(cache, flags) brkm_kmem_cache_zalloc((cache), (flags))
#define kmem_cache_free(cache, object) brkm_kmem_cache_free((cache), (object))
#define kmem_cache_alloc_bulk(cache, flags, count, objects) \
    brkm_kmem_cache_alloc_bulk((cache), (flags), (count), (objects))
#define kmem_cache_free_bulk(cache, count, objects) \
    brkm_kmem_cache_free_bulk((cache), (count), (objects))
/* Sheaves: objects that are set aside, so that so many requests cannot fail. */
#define slab_sheaf brkm_slab_sheaf
#define kmem_cache_prefill_sheaf(cache, flags, count) \
    brkm_kmem_cache_prefill_sheaf((cache), (flags), (count))
#define kmem_cache_refill_sheaf(cache, flags, sheaf, count) \
    brkm_kmem_cache_refill_sheaf((cache), (flags), (sheaf), (count))
#define kmem_cache_alloc_from_sheaf(cache, flags, sheaf) \
    brkm_kmem_cache_alloc_from_sheaf((cache), (flags), (sheaf))
#define kmem_cache_return_sheaf(cache, flags, sheaf) \
    brkm_kmem_cache_return_sheaf((cache), (flags), (sheaf))
#define kmem_cache_sheaf_size(sheaf) brkm_kmem_cache_sheaf_size(sheaf)
#define kmem_cache_shrink(cache) brkm_kmem_cache_shrink(cache)
#define kmem_cache_destroy(cache) brkm_kmem_cache_destroy(cache)
#define kmem_cache_size(cache) brkm_kmem_cache_size(cache)

#endif
