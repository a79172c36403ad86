/* SPDX-License-Identifier: MIT
 * kmalloc and its relatives keep their contract: sizes, alignment, clearing, resizing, flags. */
#include "kernel.h"

static void sizes(void)
{
    for (size_t size = 1; size <= 4u << 20; size += 1 + size / 9) {
        check_note("size", size);
        char *first = brkm_kmalloc(size, BRKM_GFP_KERNEL);
        char *second = brkm_kzalloc(size, BRKM_GFP_KERNEL);
        CHECK_NOT_NULL(first);
        CHECK_NOT_NULL(second);
        CHECK_TRUE(first != second);
        CHECK_TRUE((uintptr_t)first % 16 == 0);
        CHECK_TRUE(brkm_ksize(first) >= size);
        CHECK_TRUE(is_filled(second, 0, size));
        memset(first, 0x5a, brkm_ksize(first));
        memset(second, 0xa5, brkm_ksize(second));
        CHECK_TRUE(is_filled(first, 0x5a, size));
        brkm_kfree(first);
        brkm_kfree_sensitive(second);
    }
}

static void natural_alignment(void)
{
    for (size_t size = 16; size <= 4096; size *= 2) {
        check_note("size", size);
        void *objects[20];
        for (int i = 0; i < 20; i++) {
            objects[i] = brkm_kmalloc(size, BRKM_GFP_KERNEL);
            CHECK_TRUE((uintptr_t)objects[i] % size == 0);
        }
        for (int i = 0; i < 20; i++)
            brkm_kfree(objects[i]);
    }
}

static void nothing(void)
{
    CHECK_TRUE(brkm_kmalloc(0, BRKM_GFP_KERNEL) == BRKM_ZERO_SIZE_PTR);
    CHECK_TRUE(brkm_kmalloc(0, BRKM_GFP_ATOMIC) == BRKM_ZERO_SIZE_PTR);
    CHECK_TRUE(brkm_ksize(BRKM_ZERO_SIZE_PTR) == 0);
    CHECK_TRUE(brkm_ksize(NULL) == 0);
    brkm_kfree(NULL);
    brkm_kfree(BRKM_ZERO_SIZE_PTR);
    CHECK_TRUE(BRKM_ZERO_OR_NULL_PTR(NULL));
    CHECK_TRUE(BRKM_ZERO_OR_NULL_PTR(BRKM_ZERO_SIZE_PTR));
}

static void too_much(void)
{
    errno = 0;
    CHECK_TRUE(brkm_kmalloc(((size_t)4 << 20) + 1, BRKM_GFP_KERNEL | BRKM_GFP_NOWARN) == NULL);
    CHECK_EQ_INT(errno, ENOMEM);
    errno = 0;
    CHECK_TRUE(brkm_kmalloc_array(SIZE_MAX / 2, 3, BRKM_GFP_KERNEL | BRKM_GFP_NOWARN) == NULL);
    CHECK_EQ_INT(errno, ENOMEM);
    CHECK_TRUE(brkm_kcalloc(SIZE_MAX, SIZE_MAX, BRKM_GFP_KERNEL | BRKM_GFP_NOWARN) == NULL);
    CHECK_TRUE(brkm_krealloc_array(NULL, SIZE_MAX, 2, BRKM_GFP_KERNEL | BRKM_GFP_NOWARN) == NULL);
}

static void resizing(void)
{
    char *text = brkm_kstrdup("buddy", BRKM_GFP_KERNEL);
    for (size_t size = 6; size < 100000; size += size / 3) {
        text = brkm_krealloc(text, size, BRKM_GFP_KERNEL);
        CHECK_NOT_NULL(text);
        CHECK_EQ_STR(text, "buddy");
        memset(text + 6, 1, size - 6);
    }
    char *same = brkm_krealloc(text, 3, BRKM_GFP_KERNEL);
    CHECK_TRUE(same == text);
    CHECK_TRUE(brkm_krealloc(same, 0, BRKM_GFP_KERNEL) == BRKM_ZERO_SIZE_PTR);
    char *fresh = brkm_krealloc(NULL, 10, BRKM_GFP_KERNEL | BRKM_GFP_ZERO);
    CHECK_TRUE(is_filled(fresh, 0, 10));
    size_t old_size = brkm_ksize(fresh);
    fresh = brkm_krealloc(fresh, 5000, BRKM_GFP_KERNEL | BRKM_GFP_ZERO);
    CHECK_TRUE(is_filled(fresh + old_size, 0, 5000 - old_size));
    brkm_kfree(fresh);
}

static void copies(void)
{
    char *copy = brkm_kmemdup("slab", 5, BRKM_GFP_KERNEL);
    CHECK_EQ_STR(copy, "slab");
    brkm_kfree(copy);
    copy = brkm_kstrndup("magazine", 3, BRKM_GFP_KERNEL);
    CHECK_EQ_STR(copy, "mag");
    brkm_kfree(copy);
    CHECK_TRUE(brkm_kstrdup(NULL, BRKM_GFP_KERNEL) == NULL);
    copy = brkm_kasprintf(BRKM_GFP_KERNEL, "%s-%d", "kmalloc", 64);
    CHECK_EQ_STR(copy, "kmalloc-64");
    brkm_kfree(copy);
}

static void contradictions(void)
{
    static const brkm_gfp_t wrong[] = {
        BRKM_GFP_NOWAIT | BRKM_GFP_NOFAIL,
        BRKM_GFP_ATOMIC | BRKM_GFP_NOFAIL,
        BRKM_GFP_KERNEL | BRKM_GFP_NOFAIL | BRKM_GFP_NORETRY,
        BRKM_GFP_KERNEL | BRKM_GFP_RETRY_MAYFAIL | BRKM_GFP_NORETRY,
        BRKM_GFP_KERNEL | BRKM_GFP_DMA | BRKM_GFP_HIGHMEM,
        BRKM_GFP_KERNEL | 0x200u,
        BRKM_GFP_KERNEL | 0x80000000u,
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        check_note("case", i);
        errno = 0;
        CHECK_TRUE(brkm_kmalloc(10, wrong[i]) == NULL);
        CHECK_EQ_INT(errno, EINVAL);
        errno = 0;
        CHECK_TRUE(brkm_alloc_pages(wrong[i], 0) == NULL);
        CHECK_EQ_INT(errno, EINVAL);
    }
    static const brkm_gfp_t right[] = {BRKM_GFP_USER,
                                       BRKM_GFP_HIGHUSER,
                                       BRKM_GFP_NOIO,
                                       BRKM_GFP_NOFS,
                                       BRKM_GFP_KERNEL | 0x400000u,
                                       BRKM_GFP_KERNEL | BRKM_GFP_NOFAIL,
                                       BRKM_GFP_KERNEL | BRKM_GFP_RETRY_MAYFAIL,
                                       BRKM_GFP_KERNEL | BRKM_GFP_NORETRY,
                                       BRKM_GFP_KERNEL | BRKM_GFP_COMP | BRKM_GFP_MOVABLE};
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        check_note("right case", i);
        void *object = brkm_kmalloc(100, right[i]);
        CHECK_NOT_NULL(object);
        brkm_kfree(object);
    }
}

static void low_addresses(void)
{
    void *low = brkm_kmalloc(100, BRKM_GFP_KERNEL | BRKM_GFP_DMA32 | BRKM_GFP_NOWARN);
    if (low != NULL) {
        CHECK_TRUE((uintptr_t)low < (uintptr_t)1 << 32);
        brkm_kfree(low);
    }
    errno = 0;
    void *lowest = brkm_kmalloc(100, BRKM_GFP_KERNEL | BRKM_GFP_DMA | BRKM_GFP_NOWARN);
    CHECK_TRUE(lowest == NULL ? errno == ENOMEM : (uintptr_t)lowest < (uintptr_t)1 << 24);
    brkm_kfree(lowest);
}

/* What malloc gave may be freed here, as code does that was written for shims over malloc. */
static void mixed_with_malloc(void)
{
    void *block = brkm_malloc(100);
    CHECK_TRUE(brkm_ksize(block) >= 100);
    brkm_kfree(block);
}

static void either(void)
{
    for (size_t size = 1; size < (size_t)64 << 20; size *= 3) {
        check_note("size", size);
        char *memory = brkm_kvzalloc(size, BRKM_GFP_KERNEL);
        CHECK_NOT_NULL(memory);
        CHECK_TRUE(memory[0] == 0 && memory[size - 1] == 0);
        memory[0] = memory[size - 1] = 1;
        brkm_kvfree(memory);
    }
    brkm_kvfree(NULL);
    CHECK_TRUE(brkm_kvcalloc(SIZE_MAX, 8, BRKM_GFP_KERNEL | BRKM_GFP_NOWARN) == NULL);
}

/* Each family takes the memory of the other. */
static void mixed(void)
{
    static const size_t sizes[] = {1, 100, 5000, 100000, 3000000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        check_note("size", sizes[i]);
        char *object = brkm_kmalloc(sizes[i], BRKM_GFP_KERNEL);
        CHECK_TRUE(brkm_malloc_usable_size(object) == brkm_ksize(object));
        memset(object, 7, sizes[i]);
        object = brkm_realloc(object, 2 * sizes[i]);
        CHECK_NOT_NULL(object);
        CHECK_TRUE(is_filled(object, 7, sizes[i]));
        brkm_free(object);
        brkm_kfree(brkm_malloc(sizes[i]));
        char *area = brkm_vmalloc(sizes[i]);
        CHECK_TRUE(brkm_malloc_usable_size(area) >= sizes[i]);
        memset(area, 9, sizes[i]);
        area = brkm_realloc(area, 2 * sizes[i]);
        CHECK_TRUE(is_filled(area, 9, sizes[i]));
        brkm_free(area);
        brkm_free(brkm_vmalloc(sizes[i]));
    }
    CHECK_TRUE(brkm_realloc(brkm_kmalloc(10, BRKM_GFP_KERNEL), 0) == NULL);
}

static void copies_and_resizes(void)
{
    void *objects[10];
    for (int i = 0; i < 10; i++)
        objects[i] = brkm_kmalloc((size_t)i, BRKM_GFP_KERNEL);
    brkm_kfree_bulk(10, objects);
    char *text = brkm_kmemdup_nul("abcdef", 3, BRKM_GFP_KERNEL);
    CHECK_EQ_STR(text, "abc");
    brkm_kfree(text);
    char *area = brkm_vrealloc(NULL, 10000, BRKM_GFP_KERNEL);
    memset(area, 1, 10000);
    area = brkm_vrealloc(area, 1000000, BRKM_GFP_KERNEL | BRKM_GFP_ZERO);
    CHECK_TRUE(is_filled(area, 1, 10000));
    CHECK_TRUE(is_filled(area + 12288, 0, 1000000 - 12288));
    area = brkm_vrealloc(area, 100, BRKM_GFP_KERNEL);
    CHECK_TRUE(is_filled(area, 1, 100));
    CHECK_TRUE(brkm_vrealloc(area, 0, BRKM_GFP_KERNEL) == NULL);
    char *either = brkm_kvrealloc(NULL, 100, BRKM_GFP_KERNEL);
    memset(either, 2, 100);
    for (size_t size = 200; size <= 20000000; size *= 10) {
        either = brkm_kvrealloc(either, size, BRKM_GFP_KERNEL);
        CHECK_TRUE(is_filled(either, 2, 100));
    }
    brkm_kvfree_sensitive(either, 20000000);
    either = brkm_kvmemdup("12345", 6, BRKM_GFP_KERNEL);
    CHECK_EQ_STR(either, "12345");
    brkm_kvfree(either);
    errno = 0;
    CHECK_TRUE(brkm_vmalloc_with(10, BRKM_GFP_ATOMIC) == NULL);
    CHECK_EQ_INT(errno, ENOMEM);
}

int main(void)
{
    mixed();
    copies_and_resizes();
    sizes();
    natural_alignment();
    nothing();
    too_much();
    resizing();
    copies();
    contradictions();
    low_addresses();
    mixed_with_malloc();
    either();
    return check_done();
}
