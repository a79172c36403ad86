/* SPDX-License-Identifier: MIT
 * Misuse ends the process with one message and abort; what is lost at destroy is told. */
#include "kernel.h"

static struct brkm_kmem_cache *cache;
static struct brkm_kmem_cache *other;
static struct brkm_kmem_cache *zoned;

static void free_twice(void)
{
    void *object = brkm_kmalloc(100, BRKM_GFP_KERNEL);
    brkm_kfree(object);
    brkm_kfree(object);
}

static void free_twice_later(void)
{
    void *object = brkm_kmalloc(100, BRKM_GFP_KERNEL);
    void *others[500];
    brkm_kfree(object);
    for (int i = 0; i < 500; i++)
        others[i] = brkm_kmalloc(200, BRKM_GFP_KERNEL);
    for (int i = 0; i < 500; i++)
        brkm_kfree(others[i]);
    brkm_kfree(object);
}

static void free_inside(void)
{
    brkm_kfree((char *)brkm_kmalloc(100, BRKM_GFP_KERNEL) + 16);
}

/* An object that has a slab to itself. */
static void free_single_inside(void)
{
    struct brkm_kmem_cache *single = brkm_kmem_cache_create("single", 20000, 0, 0, NULL);
    brkm_kmem_cache_free(single, (char *)brkm_kmem_cache_alloc(single, BRKM_GFP_KERNEL) + 32);
}

/* What is left of a slab behind its last object: 32 KiB hold ten objects of 3000 bytes. */
static void free_of_the_rest(void)
{
    struct brkm_kmem_cache *cache_of_3000 = brkm_kmem_cache_create("rest", 3000, 8, 0, NULL);
    char *object = brkm_kmem_cache_alloc(cache_of_3000, BRKM_GFP_KERNEL);
    char *slab = (char *)((uintptr_t)object & ~(uintptr_t)(32768 - 1));
    unsigned stride = (unsigned)(3000 + 15) / 16 * 16;
    brkm_kmem_cache_free(cache_of_3000, object);
    brkm_kmem_cache_free(cache_of_3000, slab + (size_t)(32768 / stride) * stride);
}

static void free_large_inside(void)
{
    brkm_kfree((char *)brkm_kmalloc(100000, BRKM_GFP_KERNEL) + 16);
}

static void free_large_twice(void)
{
    void *object = brkm_kmalloc(100000, BRKM_GFP_KERNEL);
    brkm_kfree(object);
    brkm_kfree(object);
}

static void free_of_the_stack(void)
{
    int local = 0;
    brkm_kfree(&local);
}

static void free_pages_twice(void)
{
    void *pages = brkm_get_free_pages(BRKM_GFP_KERNEL, 2);
    brkm_free_pages(pages, 2);
    brkm_free_pages(pages, 2);
}

static void free_page_twice(void)
{
    void *page = brkm_get_free_pages(BRKM_GFP_KERNEL, 0);
    brkm_free_pages(page, 0);
    brkm_free_pages(page, 0);
}

static void wrong_order(void)
{
    brkm_free_pages(brkm_get_free_pages(BRKM_GFP_KERNEL, 2), 1);
}

static void inner_page(void)
{
    char *pages = brkm_get_free_pages(BRKM_GFP_KERNEL, 2);
    brkm_free_pages(pages + sysconf(_SC_PAGESIZE), 0);
}

static void pages_of_a_slab(void)
{
    void *object = brkm_kmalloc(4096, BRKM_GFP_KERNEL);
    brkm_free_pages(object, 0);
}

static void wrong_cache(void)
{
    brkm_kmem_cache_free(other, brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL));
}

static void object_twice(void)
{
    void *object = brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
    brkm_kmem_cache_free(cache, object);
    brkm_kmem_cache_free(cache, object);
}

static void past_the_end(void)
{
    char *object = brkm_kmem_cache_alloc(zoned, BRKM_GFP_KERNEL);
    object[50] = 0;
    brkm_kmem_cache_free(zoned, object);
}

static void before_the_start(void)
{
    char *object = brkm_kmem_cache_alloc(zoned, BRKM_GFP_KERNEL);
    object[-1] = 0;
    brkm_kmem_cache_free(zoned, object);
}

static void after_free(void)
{
    char *objects[2000];
    objects[0] = brkm_kmem_cache_alloc(zoned, BRKM_GFP_KERNEL);
    brkm_kmem_cache_free(zoned, objects[0]);
    objects[0][10] = 1;
    for (int i = 0; i < 2000; i++)
        objects[i] = brkm_kmem_cache_alloc(zoned, BRKM_GFP_KERNEL);
}

static void destroyed(void)
{
    brkm_kmem_cache_destroy(cache);
    brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
}

static void construct(void *object)
{
    memset(object, 1, 10);
}

static void cleared_with_constructor(void)
{
    struct brkm_kmem_cache *constructed =
        brkm_kmem_cache_create("constructed", 10, 0, 0, construct);
    brkm_kmem_cache_zalloc(constructed, BRKM_GFP_KERNEL);
}

static void unmapped(void)
{
    brkm_vfree((char *)brkm_vmalloc(100000) + sysconf(_SC_PAGESIZE));
}

static void unmapped_twice(void)
{
    void *area = brkm_vmalloc(100000);
    brkm_vfree(area);
    brkm_vfree(area);
}

/* malloc's functions judge what the family gave as the family does. */
static void malloc_frees_twice(void)
{
    void *object = brkm_kmalloc(100, BRKM_GFP_KERNEL);
    brkm_free(object);
    brkm_free(object);
}

static void malloc_frees_inside(void)
{
    brkm_free((char *)brkm_kmalloc(100, BRKM_GFP_KERNEL) + 16);
}

static void malloc_frees_pages(void)
{
    brkm_free(brkm_get_free_pages(BRKM_GFP_KERNEL, 0));
}

static void kfree_of_an_area(void)
{
    brkm_kfree(brkm_vmalloc(100));
}

static void run(void (*act)(void), char *text, size_t size, int *status)
{
    int ends[2];
    CHECK_EQ_INT(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        signal(SIGABRT, SIG_DFL);
        act();
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    ssize_t more;
    while ((more = read(ends[0], text + length, size - 1 - length)) > 0)
        length += (size_t)more;
    text[length] = '\0';
    close(ends[0]);
    waitpid(child, status, 0);
}

static const struct {
    const char *name;
    void (*act)(void);
    const char *words;
} cases[] = {
    {"free_twice", free_twice, "double free at 0x"},
    {"free_twice_later", free_twice_later, "double free at 0x"},
    {"free_inside", free_inside, "invalid pointer, not the start of a block in use at 0x"},
    {"free_single_inside", free_single_inside,
     "invalid pointer, not the start of a block in use at 0x"},
    {"free_of_the_rest", free_of_the_rest,
     "invalid pointer, not the start of a block in use at 0x"},
    {"free_large_inside", free_large_inside,
     "invalid pointer, not the start of a block in use at 0x"},
    {"free_large_twice", free_large_twice, "pointer into free memory"},
    {"free_of_the_stack", free_of_the_stack,
     "invalid pointer, not the start of a block in use at 0x"},
    {"free_pages_twice", free_pages_twice, "double free at 0x"},
    {"free_page_twice", free_page_twice, "double free at 0x"},
    {"wrong_order", wrong_order, "freed with a wrong order at 0x"},
    {"inner_page", inner_page, "invalid pointer, not the start of a block in use at 0x"},
    {"pages_of_a_slab", pages_of_a_slab, "invalid pointer, not the start of a block in use at 0x"},
    {"wrong_cache", wrong_cache, "freed to a cache that it is not of at 0x"},
    {"object_twice", object_twice, "double free at 0x"},
    {"past_the_end", past_the_end, "write past the end, canary overwritten at 0x"},
    {"before_the_start", before_the_start, "write before the start, canary overwritten at 0x"},
    {"after_free", after_free, "write after free, bytes of a freed block changed at 0x"},
    {"destroyed", destroyed, "use of a destroyed cache at 0x"},
    {"cleared_with_constructor", cleared_with_constructor,
     "object with a constructor asked for cleared at 0x"},
    {"malloc_frees_twice", malloc_frees_twice, "double free at 0x"},
    {"malloc_frees_inside", malloc_frees_inside,
     "invalid pointer, not the start of a block in use at 0x"},
    {"malloc_frees_pages", malloc_frees_pages,
     "invalid pointer, not the start of a block in use at 0x"},
    {"kfree_of_an_area", kfree_of_an_area,
     "invalid pointer, not the start of a block in use at 0x"},
    {"unmapped", unmapped, "invalid pointer, not the start of a block in use at 0x"},
    {"unmapped_twice", unmapped_twice, "invalid pointer, not the start of a block in use at 0x"},
};

static void leak(void)
{
    brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
    brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
    brkm_kmem_cache_destroy(cache);
}

/* Whatever the secrets: a terminator, a letter or a minus one in a red zone is found each time. */
static void check_zones(void)
{
    enum { ZONE = 16, SIZE = 50 };
    for (int i = 0; i < 1000; i++) {
        const volatile unsigned char *object = brkm_kmem_cache_alloc(zoned, BRKM_GFP_KERNEL);
        for (int at = 0; at < ZONE; at++) {
            CHECK_TRUE((object[at - ZONE] & 0xc0) == 0x80);
            CHECK_TRUE((object[SIZE + at] & 0xc0) == 0x80);
        }
    }
}

int main(void)
{
    char text[16384];
    int status;
    cache = brkm_kmem_cache_create("one", 50, 0, 0, NULL);
    other = brkm_kmem_cache_create("two", 50, 0, 0, NULL);
    zoned = brkm_kmem_cache_create("zoned", 50, 0, BRKM_SLAB_RED_ZONE | BRKM_SLAB_POISON, NULL);
    check_zones();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run(cases[i].act, text, sizeof(text), &status);
        if (strstr(text, cases[i].words) == NULL)
            fprintf(stderr, "%s said: %s\n", cases[i].name, text);
        check_note("case", i);
        CHECK_NOT_NULL(strstr(text, cases[i].words));
        CHECK_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
    run(leak, text, sizeof(text), &status);
    CHECK_EQ_INT(status, 0);
    CHECK_EQ_STR(text, "brkmalloc: kmem_cache_destroy: one has 2 objects of 50 bytes in use\n");
    return check_done();
}
