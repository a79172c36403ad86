/* SPDX-License-Identifier: MIT
 * Code in the kernel's style compiles unmodified against linux-compat, and does what it says. */
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "kernel.h"

struct inode {
    int number;
    struct page *page;
};

struct list_of {
    unsigned count;
    int members[];
};

static struct kmem_cache *inode_cache;

static int kmalloc_and_friends(void)
{
    struct inode *inode __free(kfree) = kzalloc(sizeof(*inode), GFP_KERNEL);
    struct inode *other = kzalloc_obj(*other);
    struct inode *several = kmalloc_objs(*several, 10, GFP_NOFS);
    struct list_of *list = kzalloc_flex(*list, members, 7, GFP_KERNEL | __GFP_NOWARN);
    CHECK_NOT_NULL(inode);
    CHECK_NOT_NULL(other);
    CHECK_NOT_NULL(several);
    CHECK_NOT_NULL(list);
    CHECK_EQ_INT(other->number, 0);
    CHECK_EQ_INT(list->members[6], 0);
    CHECK_EQ_UINT(struct_size(list, members, 7), sizeof(*list) + 7 * sizeof(int));
    several = krealloc_array(several, 20, sizeof(*several), GFP_KERNEL);
    CHECK_TRUE(ksize(several) >= 20 * sizeof(*several));
    kfree(other);
    kfree(several);
    kfree(list);
    return inode->number;
}

static void pages(void)
{
    struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, 2);
    unsigned long single = __get_free_page(GFP_ATOMIC);
    CHECK_NOT_NULL(page);
    CHECK_TRUE(virt_to_page(page_address(page)) == page);
    CHECK_TRUE(__va(__pa(page_address(page))) == page_address(page));
    CHECK_EQ_UINT(get_order(4 * PAGE_SIZE), 2);
    __free_pages(page, 2);
    free_page(single);
    single = get_zeroed_page(GFP_KERNEL);
    CHECK_TRUE(single % PAGE_SIZE == 0);
    free_page(single);
    struct page *several[5] = {NULL};
    CHECK_EQ_UINT(alloc_pages_bulk(GFP_KERNEL, 5, several), 5);
    for (size_t i = 0; i < ARRAY_SIZE(several); i++)
        __free_page(several[i]);
}

static void sheaves_and_pools(void)
{
    struct kmem_cache *cache = KMEM_CACHE(inode, 0);
    struct slab_sheaf *sheaf = kmem_cache_prefill_sheaf(cache, GFP_KERNEL, 3);
    struct inode *inode = kmem_cache_alloc_from_sheaf(cache, GFP_NOWAIT, sheaf);
    CHECK_EQ_UINT(kmem_cache_sheaf_size(sheaf), 2);
    kmem_cache_free(cache, inode);
    kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
    mempool_t pool;
    CHECK_EQ_INT(mempool_init_page_pool(&pool, 2, 1), 0);
    struct page *page = mempool_alloc(&pool, GFP_KERNEL);
    CHECK_NOT_NULL(page);
    mempool_free(page, &pool);
    mempool_exit(&pool);
    CHECK_TRUE(!mempool_initialized(&pool));
    mempool_exit(&pool);
    CHECK_EQ_INT(mempool_init_kmalloc_pool(&pool, 4, 100), 0);
    mempool_exit(&pool);
    CHECK_EQ_INT(mempool_init_slab_pool(&pool, 0, cache), -EINVAL);
    kmem_cache_destroy(cache);
    CHECK_TRUE(size_mul(SIZE_MAX, 2) == SIZE_MAX);
    CHECK_TRUE(kmalloc(array_size(SIZE_MAX, 8), GFP_KERNEL | __GFP_NOWARN) == NULL);
    u32 *numbers = kvzalloc(sizeof(u32) * 4, GFP_KERNEL);
    CHECK_EQ_UINT(numbers[3], 0);
    kvfree(numbers);
}

static void caches(void)
{
    struct kmem_cache_args args = {.align = 64};
    struct kmem_cache *aligned = kmem_cache_create("aligned", 40, &args, SLAB_PANIC);
    struct inode *inode;
    inode_cache = kmem_cache_create("inode", sizeof(struct inode), 0, SLAB_HWCACHE_ALIGN, NULL);
    CHECK_NOT_NULL(inode_cache);
    inode = kmem_cache_zalloc(inode_cache, GFP_NOFS);
    CHECK_NOT_NULL(inode);
    kmem_cache_free(inode_cache, inode);
    void *object = kmem_cache_alloc(aligned, GFP_KERNEL);
    CHECK_TRUE((uintptr_t)object % 64 == 0);
    kmem_cache_free(aligned, object);
    mempool_t *pool = mempool_create(4, mempool_alloc_slab, mempool_free_slab, inode_cache);
    object = mempool_alloc(pool, GFP_NOIO);
    CHECK_NOT_NULL(object);
    mempool_free(object, pool);
    mempool_destroy(pool);
    kmem_cache_destroy(aligned);
    kmem_cache_destroy(inode_cache);
    kmem_cache_destroy(KMEM_CACHE(inode, 0));
}

static void mapped(void)
{
    unsigned int saved = memalloc_nofs_save();
    char *area = vzalloc(3 << 20);
    char *either = kvmalloc_array(1 << 20, 16, GFP_KERNEL);
    memalloc_nofs_restore(saved);
    CHECK_NOT_NULL(area);
    CHECK_NOT_NULL(either);
    CHECK_TRUE(is_vmalloc_addr(area));
    vfree(area);
    kvfree(either);
}

static unsigned long count(struct shrinker *shrinker, struct shrink_control *sc)
{
    (void)shrinker;
    (void)sc;
    return SHRINK_EMPTY;
}

static void shrinkers(void)
{
    struct shrinker *shrinker = shrinker_alloc(0, "test-%d", 1);
    shrinker->count_objects = count;
    shrinker->seeks = DEFAULT_SEEKS;
    shrinker_register(shrinker);
    shrinker_free(shrinker);
}

int main(void)
{
    CHECK_EQ_INT(kmalloc_and_friends(), 0);
    pages();
    caches();
    mapped();
    sheaves_and_pools();
    shrinkers();
    return check_done();
}
