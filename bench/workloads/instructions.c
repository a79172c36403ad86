/* SPDX-License-Identifier: MIT
 *
 * The loops whose instructions are counted: the difference between two runs of different length is
 * the price of the further operations, the loop and the calls through the PLT included. Nothing is
 * written into the blocks, so that as little as possible is counted beside the allocator.
 * Operation: one malloc and one free.
 *   mode=pair      a block of 64 bytes, freed at once
 *   mode=updown    100 blocks of 64 bytes, then their frees in the same order
 *   mode=small     a random one of 4096 blocks is replaced by one of 16..515 bytes
 *   mode=medium    a random one of 256 blocks is replaced by one of 1 to 61 KB
 * and of the kernel's family, where the allocator has it:
 *   mode=kmalloc   kmalloc(64, GFP_ATOMIC), freed at once
 *   mode=object    an object of 64 bytes of a slab cache, likewise
 *   mode=page      one page, likewise */
#include "bench.h"
#include "brkmalloc/kernel.h"

#pragma weak brkm_kmalloc
#pragma weak brkm_kfree
#pragma weak brkm_kmem_cache_create
#pragma weak brkm_kmem_cache_alloc
#pragma weak brkm_kmem_cache_free
#pragma weak brkm_get_free_pages
#pragma weak brkm_free_pages

/* Keeps the compiler from reasoning about the block. */
static inline void *opaque(void *memory)
{
    __asm__ volatile("" : "+r"(memory) : : "memory");
    return memory;
}

static void run_pair(size_t operations)
{
    for (size_t i = 0; i < operations; i++) {
        free(opaque(malloc(64)));
    }
}

static void run_updown(size_t operations)
{
    enum { height = 100 };
    void *blocks[height];
    for (size_t i = 0; i < operations / height; i++) {
        for (size_t j = 0; j < height; j++) {
            blocks[j] = malloc(64);
        }
        opaque(blocks);
        for (size_t j = 0; j < height; j++) {
            free(blocks[j]);
        }
    }
}

static void run_small(size_t operations)
{
    static void *blocks[4096];
    struct random random = {88172645463325252};
    for (size_t i = 0; i < operations; i++) {
        uint64_t number = random_next(&random);
        size_t slot = number & 4095;
        free(blocks[slot]);
        blocks[slot] = malloc(16 + (number >> 12) % 500);
    }
}

static void run_medium(size_t operations)
{
    static void *blocks[256];
    struct random random = {88172645463325252};
    for (size_t i = 0; i < operations; i++) {
        uint64_t number = random_next(&random);
        size_t slot = number & 255;
        free(blocks[slot]);
        blocks[slot] = malloc(1024 + (number >> 12) % (60 * KIB));
    }
}

static void run_kmalloc(size_t operations)
{
    brkm_kfree(brkm_kmalloc(64, BRKM_GFP_KERNEL));
    for (size_t i = 0; i < operations; i++) {
        brkm_kfree(opaque(brkm_kmalloc(64, BRKM_GFP_ATOMIC)));
    }
}

static void run_object(size_t operations)
{
    struct brkm_kmem_cache *cache = brkm_kmem_cache_create("object", 64, 0, 0, NULL);
    for (size_t i = 0; i < operations; i++) {
        brkm_kmem_cache_free(cache, opaque(brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL)));
    }
}

static void run_page(size_t operations)
{
    for (size_t i = 0; i < operations; i++) {
        brkm_free_pages(opaque(brkm_get_free_pages(BRKM_GFP_KERNEL, 0)), 0);
    }
}

static const struct {
    const char *name;
    void (*run)(size_t operations);
    bool is_kernels;
} modes[] = {{"pair", run_pair, false},      {"updown", run_updown, false},
             {"small", run_small, false},    {"medium", run_medium, false},
             {"kmalloc", run_kmalloc, true}, {"object", run_object, true},
             {"page", run_page, true}};

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    size_t operations = argument("operations", 100000);
    const char *mode = text_argument("mode");
    arguments_end();
    for (size_t i = 0; mode != NULL && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(mode, modes[i].name) == 0 && modes[i].is_kernels && brkm_kmalloc == NULL) {
            fprintf(stderr, "%s: this allocator does not have it\n", mode);
            return 3;
        }
        if (strcmp(mode, modes[i].name) == 0) {
            modes[i].run(operations);
            printf("operations %zu\n", operations);
            return 0;
        }
    }
    fprintf(stderr, "mode: pair, updown, small, medium, kmalloc, object or page\n");
    return 2;
}
