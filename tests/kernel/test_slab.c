/* SPDX-License-Identifier: MIT
 * Slab caches, memory pools, shrinkers, the reserve and requests that fail on purpose. */
#include "kernel.h"

struct thing {
    int number;
    char text[60];
};

static unsigned long constructed;

static void construct(void *object)
{
    constructed++;
    memset(object, 0x42, sizeof(struct thing));
}

static void many_objects(void)
{
    enum { count = 5000 };
    static struct thing *things[count];
    struct brkm_kmem_cache *cache = BRKM_KMEM_CACHE(thing, 0);
    CHECK_NOT_NULL(cache);
    CHECK_EQ_UINT(brkm_kmem_cache_size(cache), sizeof(struct thing));
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < count; i++) {
            things[i] = brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
            CHECK_NOT_NULL(things[i]);
            memset(things[i], i, sizeof(struct thing));
        }
        for (int i = 0; i < count; i++) {
            CHECK_TRUE(is_filled(things[i], i, sizeof(struct thing)));
            brkm_kmem_cache_free(cache, things[i]);
        }
    }
    struct thing *clear = brkm_kmem_cache_zalloc(cache, BRKM_GFP_KERNEL);
    CHECK_TRUE(is_filled(clear, 0, sizeof(*clear)));
    CHECK_EQ_INT(brkm_kmem_cache_shrink(cache), 1);
    brkm_kmem_cache_free(cache, clear);
    brkm_kmem_cache_free(cache, NULL);
    CHECK_EQ_INT(brkm_kmem_cache_shrink(cache), 0);
    brkm_kmem_cache_destroy(cache);
    brkm_kmem_cache_destroy(NULL);
}

/* A constructor runs once for each object, and a free object stays as it is. */
static void constructor(void)
{
    const struct brkm_kmem_cache_args args = {.ctor = construct};
    struct brkm_kmem_cache *cache =
        brkm_kmem_cache_create_args("constructed", sizeof(struct thing), &args, 0);
    struct thing *things[200];
    constructed = 0;
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 200; i++) {
            things[i] = brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
            CHECK_TRUE(is_filled(things[i], 0x42, sizeof(struct thing)));
        }
        for (int i = 0; i < 200; i++)
            brkm_kmem_cache_free(cache, things[i]);
    }
    CHECK_TRUE(constructed >= 200 && constructed < 1000);
    brkm_kmem_cache_destroy(cache);
}

static void layouts(void)
{
    static const unsigned flags[] = {0, BRKM_SLAB_HWCACHE_ALIGN, BRKM_SLAB_RED_ZONE,
                                     BRKM_SLAB_POISON, BRKM_SLAB_RED_ZONE | BRKM_SLAB_POISON};
    for (size_t f = 0; f < 5; f++) {
        for (unsigned size = 1; size <= 70000; size += 1 + size / 2) {
            for (unsigned align = 8; align <= 4096; align *= 8) {
                check_note("size", size);
                void *objects[40];
                struct brkm_kmem_cache *cache =
                    brkm_kmem_cache_create("layout", size, align, flags[f], NULL);
                CHECK_NOT_NULL(cache);
                for (int i = 0; i < 40; i++) {
                    objects[i] = brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
                    CHECK_NOT_NULL(objects[i]);
                    CHECK_TRUE((uintptr_t)objects[i] % align == 0);
                    memset(objects[i], i, size);
                }
                for (int i = 0; i < 40; i++) {
                    CHECK_TRUE(is_filled(objects[i], i, size));
                    brkm_kmem_cache_free(cache, objects[i]);
                }
                CHECK_EQ_INT(brkm_kmem_cache_shrink(cache), 0);
                brkm_kmem_cache_destroy(cache);
            }
        }
    }
    errno = 0;
    CHECK_TRUE(brkm_kmem_cache_create("none", 0, 0, 0, NULL) == NULL);
    CHECK_EQ_INT(errno, EINVAL);
    CHECK_TRUE(brkm_kmem_cache_create("odd", 8, 24, 0, NULL) == NULL);
}

static void in_bulk(void)
{
    void *objects[300];
    struct brkm_kmem_cache *cache = brkm_kmem_cache_create("bulk", 100, 0, 0, NULL);
    CHECK_EQ_INT(brkm_kmem_cache_alloc_bulk(cache, BRKM_GFP_KERNEL, 300, objects), 300);
    for (int i = 0; i < 300; i++)
        memset(objects[i], i, 100);
    brkm_kmem_cache_free_bulk(cache, 300, objects);
    const struct brkm_failslab settings = {
        .probability = 100, .times = -1, .space = 10000, .cache = "bulk", .also_may_wait = true};
    brkm_failslab_set(&settings);
    CHECK_EQ_INT(brkm_kmem_cache_alloc_bulk(cache, BRKM_GFP_KERNEL | BRKM_GFP_NOWARN, 300, objects),
                 0);
    void *other = brkm_kmalloc(100, BRKM_GFP_KERNEL);
    CHECK_NOT_NULL(other);
    brkm_kfree(other);
    CHECK_TRUE(brkm_failslab_count() == 1);
    brkm_failslab_set(&(const struct brkm_failslab){0});
    CHECK_EQ_INT(brkm_kmem_cache_shrink(cache), 0);
    brkm_kmem_cache_destroy(cache);
}

/* What a sheaf holds is had whatever fails, and goes back as other objects do. */
static void sheaves(void)
{
    void *objects[100];
    struct brkm_kmem_cache *cache = brkm_kmem_cache_create("sheaves", 100, 0, 0, NULL);
    struct brkm_slab_sheaf *sheaf = brkm_kmem_cache_prefill_sheaf(cache, BRKM_GFP_KERNEL, 70);
    CHECK_NOT_NULL(sheaf);
    CHECK_EQ_UINT(brkm_kmem_cache_sheaf_size(sheaf), 70);
    CHECK_EQ_INT(brkm_kmem_cache_refill_sheaf(cache, BRKM_GFP_KERNEL, &sheaf, 100), 0);
    CHECK_EQ_UINT(brkm_kmem_cache_sheaf_size(sheaf), 100);
    brkm_failslab_set(&(const struct brkm_failslab){
        .probability = 100, .times = -1, .cache = "sheaves", .also_may_wait = true});
    for (int i = 0; i < 100; i++) {
        objects[i] =
            brkm_kmem_cache_alloc_from_sheaf(cache, BRKM_GFP_NOWAIT | BRKM_GFP_ZERO, sheaf);
        CHECK_NOT_NULL(objects[i]);
        CHECK_TRUE(is_filled(objects[i], 0, 100));
        memset(objects[i], i, 100);
    }
    CHECK_TRUE(brkm_kmem_cache_alloc_from_sheaf(cache, BRKM_GFP_NOWAIT, sheaf) == NULL);
    CHECK_EQ_INT(
        brkm_kmem_cache_refill_sheaf(cache, BRKM_GFP_KERNEL | BRKM_GFP_NOWARN, &sheaf, 200),
        -ENOMEM);
    CHECK_EQ_UINT(brkm_kmem_cache_sheaf_size(sheaf), 0);
    CHECK_TRUE(brkm_kmem_cache_prefill_sheaf(cache, BRKM_GFP_KERNEL | BRKM_GFP_NOWARN, 1) == NULL);
    brkm_failslab_set(&(const struct brkm_failslab){0});
    for (int i = 0; i < 100; i++) {
        CHECK_TRUE(is_filled(objects[i], i, 100));
        brkm_kmem_cache_free(cache, objects[i]);
    }
    CHECK_EQ_INT(brkm_kmem_cache_refill_sheaf(cache, BRKM_GFP_KERNEL, &sheaf, 30), 0);
    brkm_kmem_cache_return_sheaf(cache, BRKM_GFP_KERNEL, sheaf);
    CHECK_EQ_INT(brkm_kmem_cache_shrink(cache), 0);
    brkm_kmem_cache_destroy(cache);
}

static void failures(void)
{
    int failed = 0;
    brkm_failslab_set(&(const struct brkm_failslab){.probability = 50,
                                                    .times = 100,
                                                    .least = 64,
                                                    .most = 64,
                                                    .also_may_wait = true,
                                                    .seed = 5});
    for (int i = 0; i < 1000; i++) {
        void *object = brkm_kmalloc(64, BRKM_GFP_KERNEL | BRKM_GFP_NOWARN);
        failed += object == NULL;
        brkm_kfree(object);
        object = brkm_kmalloc(65, BRKM_GFP_KERNEL);
        CHECK_NOT_NULL(object);
        brkm_kfree(object);
        object = brkm_kmalloc(64, BRKM_GFP_KERNEL | BRKM_GFP_NOFAIL);
        CHECK_NOT_NULL(object);
        brkm_kfree(object);
    }
    CHECK_EQ_INT(failed, 100);
    CHECK_TRUE(brkm_failslab_count() == 100);
    brkm_failslab_set(&(const struct brkm_failslab){0});
    void *object = brkm_kmalloc(64, BRKM_GFP_KERNEL);
    CHECK_NOT_NULL(object);
    brkm_kfree(object);
}

static void pools(void)
{
    struct brkm_kmem_cache *cache = brkm_kmem_cache_create("pooled", 200, 0, 0, NULL);
    struct brkm_mempool *pool = brkm_mempool_create_slab_pool(10, cache);
    void *elements[10];
    CHECK_NOT_NULL(pool);
    brkm_failslab_set(&(const struct brkm_failslab){
        .probability = 100, .times = -1, .cache = "pooled", .also_may_wait = true});
    for (int i = 0; i < 10; i++) {
        elements[i] = brkm_mempool_alloc(pool, BRKM_GFP_NOWAIT);
        CHECK_NOT_NULL(elements[i]);
    }
    CHECK_TRUE(brkm_mempool_alloc(pool, BRKM_GFP_NOWAIT) == NULL);
    brkm_mempool_free(elements[0], pool);
    elements[0] = brkm_mempool_alloc(pool, BRKM_GFP_KERNEL);
    CHECK_NOT_NULL(elements[0]);
    brkm_failslab_set(&(const struct brkm_failslab){0});
    for (int i = 0; i < 10; i++)
        brkm_mempool_free(elements[i], pool);
    CHECK_EQ_INT(brkm_mempool_resize(pool, 20), 0);
    CHECK_EQ_INT(brkm_mempool_resize(pool, 3), 0);
    CHECK_EQ_INT(brkm_mempool_resize(pool, 0), -1);
    brkm_mempool_destroy(pool);
    CHECK_EQ_INT(brkm_kmem_cache_shrink(cache), 0);
    brkm_kmem_cache_destroy(cache);
    CHECK_TRUE(brkm_mempool_create_kmalloc_pool(0, 8) == NULL);
}

static void *hoard[64];
static int hoarded;

static unsigned long count_hoard(struct brkm_shrinker *self, struct brkm_shrink_control *control)
{
    (void)self;
    (void)control;
    return (unsigned long)hoarded;
}

static unsigned long scan_hoard(struct brkm_shrinker *self, struct brkm_shrink_control *control)
{
    unsigned long freed = 0;
    (void)self;
    while (hoarded > 0 && freed < control->nr_to_scan) {
        brkm_vfree(hoard[--hoarded]);
        freed++;
    }
    return freed;
}

/* Under a limit a request succeeds since a shrinker gives memory back. */
static void shrinkers(void)
{
    struct brkm_shrinker *shrinker = brkm_shrinker_alloc(0, "hoard");
    shrinker->count_objects = count_hoard;
    shrinker->scan_objects = scan_hoard;
    brkm_shrinker_register(shrinker);
    CHECK_EQ_INT(brkm_option_set("limit_hard", (size_t)64 << 20), 0);
    while (hoarded < 64 &&
           (hoard[hoarded] = brkm_vmalloc_huge((size_t)4 << 20, BRKM_GFP_KERNEL | BRKM_GFP_NOWARN |
                                                                    BRKM_GFP_NORETRY)) != NULL)
        hoarded++;
    CHECK_TRUE(hoarded > 4 && hoarded < 64);
    void *area = brkm_vmalloc((size_t)8 << 20);
    CHECK_NOT_NULL(area);
    CHECK_EQ_INT(hoarded, 0);
    brkm_vfree(area);
    CHECK_EQ_INT(brkm_option_set("limit_hard", 0), 0);
    brkm_shrinker_free(shrinker);
    brkm_shrinker_free(NULL);
}

static void reserve(void)
{
    CHECK_EQ_INT(brkm_reserve_set(64 << 10), 0);
    CHECK_TRUE(brkm_reserve_available() >= 64 << 10);
    CHECK_EQ_INT(brkm_reserve_set(0), 0);
    CHECK_TRUE(brkm_reserve_available() == 0);
}

static void figures(void)
{
    char text[20000] = "";
    struct brkm_kmem_cache *cache = brkm_kmem_cache_create("figures", 50, 0, 0, NULL);
    void *object = brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
    FILE *stream = fmemopen(text, sizeof(text), "w");
    brkm_slabinfo(stream);
    fclose(stream);
    CHECK_TRUE(strncmp(text, "slabinfo - version: 2.1\n", 24) == 0);
    const char *row = strstr(text, "\nfigures ");
    unsigned active, all, size, per_slab, pages;
    CHECK_NOT_NULL(row);
    CHECK_EQ_INT(sscanf(row, "\nfigures %u %u %u %u %u :", &active, &all, &size, &per_slab, &pages),
                 5);
    CHECK_EQ_UINT(active, 1);
    CHECK_EQ_UINT(all, per_slab);
    CHECK_EQ_UINT(size, 64);
    brkm_kmem_cache_free(cache, object);
    brkm_kmem_cache_destroy(cache);
}

int main(void)
{
    many_objects();
    constructor();
    layouts();
    in_bulk();
    sheaves();
    failures();
    pools();
    shrinkers();
    reserve();
    figures();
    return check_done();
}
