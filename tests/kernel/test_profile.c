/* SPDX-License-Identifier: MIT
 * The heap profile knows the family's memory, and what is lost at destroy is told with its call
 * sites. Run with BRKMALLOC=profile_interval:1. */
#include "kernel.h"

enum { MANY = 300 };

struct text {
    char bytes[200000];
    size_t length;
};

static void keep(void *context, const char *bytes, size_t length)
{
    struct text *text = context;
    if (text->length + length < sizeof(text->bytes)) {
        memcpy(text->bytes + text->length, bytes, length);
        text->length += length;
    }
}

/* Samples that are in use. */
static unsigned long long live(void)
{
    static struct text text;
    unsigned long long value = 0;
    memset(&text, 0, sizeof(text));
    brkm_stats_print(keep, &text, BRKM_STATS_LINES);
    const char *line = strstr(text.bytes, "profile.live ");
    CHECK_NOT_NULL(line);
    CHECK_EQ_INT(sscanf(line, "profile.live %llu", &value), 1);
    return value;
}

static void counts(struct brkm_kmem_cache *cache)
{
    static void *objects[MANY];
    /* What the library keeps for the first of each kind is recorded, too. */
    for (int round = 0; round < 2; round++) {
        unsigned long long before = live();
        for (int i = 0; i < MANY; i++)
            objects[i] = i % 2 == 0 ? brkm_kmalloc(100, BRKM_GFP_KERNEL)
                                    : brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
        void *large = brkm_kmalloc(100000, BRKM_GFP_KERNEL);
        void *page = brkm_get_free_pages(BRKM_GFP_KERNEL, 0);
        struct brkm_page *block = brkm_alloc_pages(BRKM_GFP_KERNEL, 2);
        void *area = brkm_vmalloc(100000);
        if (round == 1)
            CHECK_EQ_UINT(live() - before, MANY + 4);
        for (int i = 0; i < MANY; i++)
            brkm_kfree(objects[i]);
        brkm_kfree(large);
        brkm_free_pages(page, 0);
        brkm_free_page_block(block, 2);
        brkm_vfree(area);
        if (round == 1)
            CHECK_EQ_UINT(live(), before);
    }
}

/* Requests that must not wait are not noted, and end what was noted all the same. */
static void without_waiting(struct brkm_kmem_cache *cache)
{
    unsigned long long before = live();
    void *noted = brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
    void *object = brkm_kmem_cache_alloc(cache, BRKM_GFP_ATOMIC);
    CHECK_NOT_NULL(object);
    CHECK_EQ_UINT(live(), before + 1);
    brkm_kmem_cache_free(cache, object);
    brkm_kmem_cache_free(cache, noted);
    CHECK_EQ_UINT(live(), before);
}

/* One call for all three, so that they have one stack. */
static __attribute__((noinline)) void lose(struct brkm_kmem_cache *cache, volatile int *count)
{
    while ((*count)-- > 0) {
        void *object = brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
        __asm__ volatile("" : "+r"(object));
    }
}

static void tells_call_sites(void)
{
    static char text[16384];
    size_t length = 0;
    int ends[2], status;
    CHECK_EQ_INT(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        struct brkm_kmem_cache *cache = brkm_kmem_cache_create("lossy", 50, 0, 0, NULL);
        volatile int count = 3;
        lose(cache, &count);
        brkm_kmem_cache_destroy(cache);
        _exit(0);
    }
    close(ends[1]);
    ssize_t more;
    while ((more = read(ends[0], text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)more;
    waitpid(child, &status, 0);
    CHECK_EQ_INT(status, 0);
    if (strstr(text, "3 allocated at") == NULL)
        fprintf(stderr, "said: %s\n", text);
    CHECK_NOT_NULL(strstr(text, "brkmalloc: kmem_cache_destroy: lossy has 3 objects of 50 bytes in "
                                "use\nbrkmalloc: 3 allocated at\nbrkmalloc:   0x"));
    /* The first frame is the program's, not the library's. */
    const char *frame = strstr(text, "allocated at\n") + strlen("allocated at\n");
    CHECK_NOT_NULL(memmem(frame, (size_t)(strchrnul(frame, '\n') - frame), "kernel_profile", 14));
}

static void *churn(void *cache)
{
    static void *volatile slots[64];
    unsigned state = (unsigned)(uintptr_t)&state;
    for (int i = 0; i < 20000; i++) {
        void *object = i % 3 == 0 ? brkm_kmalloc(test_random(&state) % 20000, BRKM_GFP_KERNEL)
                                  : brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
        brkm_kfree(__atomic_exchange_n(&slots[test_random(&state) % 64], object, __ATOMIC_ACQ_REL));
    }
    for (int i = 0; i < 64; i++)
        brkm_kfree(__atomic_exchange_n(&slots[i], NULL, __ATOMIC_ACQ_REL));
    return NULL;
}

/* Threads that free each other's noted objects: each end is heard of, sooner or later. */
static void threads(struct brkm_kmem_cache *cache)
{
    pthread_t several[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&several[i], NULL, churn, cache);
    for (int i = 0; i < 3; i++)
        pthread_join(several[i], NULL);
    CHECK_EQ_INT(brkm_kmem_cache_shrink(cache), 0);
}

int main(void)
{
    CHECK_EQ_INT(brkm_profile_start(), 0);
    struct brkm_kmem_cache *cache = brkm_kmem_cache_create("noted", 200, 0, 0, NULL);
    counts(cache);
    without_waiting(cache);
    tells_call_sites();
    threads(cache);
    brkm_profile_stop();
    brkm_kfree(brkm_kmalloc(10, BRKM_GFP_KERNEL));
    brkm_kmem_cache_destroy(cache);
    return check_done();
}
