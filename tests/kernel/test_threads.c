/* SPDX-License-Identifier: MIT
 * Threads exchange objects and pages, end with full magazines, and fork meanwhile: no object is
 * given twice, none is lost. */
#include "kernel.h"

enum { THREADS = 4, SLOTS = 512, STEPS = 60000 };

static void *slots[SLOTS];
static struct brkm_kmem_cache *cache;
static size_t page_size;

static void fill(void *object, size_t size, unsigned char byte)
{
    memset(object, byte, size);
}

struct parcel {
    size_t size;
    unsigned char byte;
    unsigned char kind;
};

static struct parcel *make(unsigned *state)
{
    struct parcel *parcel;
    unsigned kind = test_random(state) % 3;
    size_t size = sizeof(*parcel) + test_random(state) % 3000;
    brkm_gfp_t flags = test_random(state) % 4 == 0 ? BRKM_GFP_ATOMIC : BRKM_GFP_KERNEL;
    if (kind == 0) {
        parcel = brkm_kmalloc(size, flags);
    } else if (kind == 1) {
        size = 160;
        parcel = brkm_kmem_cache_alloc(cache, flags);
    } else {
        size = page_size;
        parcel = brkm_get_free_pages(flags, 0);
    }
    if (parcel != NULL) {
        unsigned char byte = (unsigned char)test_random(state);
        fill(parcel, size, byte);
        *parcel = (struct parcel){size, byte, (unsigned char)kind};
    } else {
        CHECK_TRUE(flags == BRKM_GFP_ATOMIC);
    }
    return parcel;
}

static void unmake(struct parcel *parcel)
{
    if (parcel == NULL)
        return;
    CHECK_TRUE(is_filled(parcel + 1, parcel->byte, parcel->size - sizeof(*parcel)));
    if (parcel->kind == 0)
        brkm_kfree(parcel);
    else if (parcel->kind == 1)
        brkm_kmem_cache_free(cache, parcel);
    else
        brkm_free_pages(parcel, 0);
}

static void *work(void *seed)
{
    unsigned state = (unsigned)(uintptr_t)seed;
    for (int i = 0; i < STEPS; i++) {
        struct parcel *parcel = make(&state);
        unmake(__atomic_exchange_n(&slots[test_random(&state) % SLOTS], parcel, __ATOMIC_ACQ_REL));
    }
    return NULL;
}

static void *short_life(void *unused)
{
    void *objects[100];
    for (int i = 0; i < 100; i++)
        objects[i] = brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL);
    for (int i = 0; i < 100; i++)
        brkm_kmem_cache_free(cache, objects[i]);
    return unused;
}

static void fork_meanwhile(void)
{
    pid_t child = fork();
    CHECK_TRUE(child >= 0);
    if (child == 0) {
        unsigned state = 1;
        for (int i = 0; i < 1000; i++)
            unmake(make(&state));
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    CHECK_EQ_INT(status, 0);
}

int main(void)
{
    pthread_t threads[THREADS];
    pthread_t brief;
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    cache = brkm_kmem_cache_create("parcels", 160, 0, 0, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)(i + 1));
    for (int i = 0; i < 20; i++) {
        fork_meanwhile();
        pthread_create(&brief, NULL, short_life, NULL);
        pthread_join(brief, NULL);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SLOTS; i++)
        unmake(slots[i]);
    CHECK_EQ_INT(brkm_kmem_cache_shrink(cache), 0);
    brkm_kmem_cache_destroy(cache);
    CHECK_TRUE(brkm_kernel_trim() > 0);
    return check_done();
}
