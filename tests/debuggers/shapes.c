/* SPDX-License-Identifier: MIT
 * Makes a heap whose blocks are known, says on standard output where they are, and stops.
 *
 * shapes WHERE DAMAGE END, with BRKMALLOC=mapped_threshold:32m
 *
 * WHERE is heap (blocks below the break), fallback (the break is blocked and regions are mapped),
 * empty (no block is asked for) or quarantine (many blocks of one size were freed, for the hardened
 * mode). DAMAGE is none, or what is overwritten: guard, seal, flags, size, header, end, tag, link,
 * cached, long, mapped, fencepost. END is trap (SIGTRAP), abort (SIGABRT), or fault: free of the
 * damaged block.
 *
 * Lines: "NAME PAYLOAD BYTES" of blocks, bytes with their header, 0 where only the place is known.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef API_PREFIXED
#include "brkmalloc/brkmalloc.h"
#define malloc brkm_malloc
#define free brkm_free
#define malloc_usable_size brkm_malloc_usable_size
#else
#include <malloc.h>
#endif

#include "brkmalloc/kernel.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* Above what caches keep and below what is mapped. */
#define LARGE (100 * KIB)
#define HUGE (30 * MIB)
/* Neighbours that become one free block, longer than a block in use may be. */
#define HUGE_BLOCKS 6
#define MAPPED (33 * MIB)
#define SMALL 24
#define OTHER_SMALL 72
#define HEADER 8

/* The kernel's family, where the library has it. */
#pragma weak brkm_vmalloc
#pragma weak brkm_get_free_pages
#pragma weak brkm_kmem_cache_create
#pragma weak brkm_kmem_cache_alloc

#define OBJECT 208
#define AREA 70000
#define PAGES_ORDER 3

static char *in_use, *hole, *behind, *purged, *guard, *huge[HUGE_BLOCKS], *long_end, *bordering,
    *pin;
static char *cached, *elsewhere, *depot, *mapped, *unmapped, *small;
static pthread_barrier_t barrier;

static void say(const char *name, const char *payload, size_t bytes)
{
    printf("%s %ju %zu\n", name, (uintmax_t)(uintptr_t)payload, bytes);
}

static void say_in_use(const char *name, char *payload)
{
    say(name, payload, malloc_usable_size(payload) + HEADER);
}

static void block_the_break(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = ((uintptr_t)sbrk(0) + page - 1) & ~(page - 1);
    mmap((void *)start, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

/* What it freed is in the depot once it has ended. */
static void *leave_in_depot(void *unused)
{
    depot = malloc(SMALL);
    free(depot);
    return unused;
}

/* What it freed stays in its cache. */
static void *keep_in_cache(void *unused)
{
    elsewhere = malloc(OTHER_SMALL);
    free(elsewhere);
    pthread_barrier_wait(&barrier);
    pause();
    return unused;
}

static void run_threads(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, leave_in_depot, NULL);
    pthread_join(thread, NULL);
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&thread, NULL, keep_in_cache, NULL);
    pthread_barrier_wait(&barrier);
}

/* Everything is there before the first hole is, so that nothing falls into one. */
static void make_blocks(void)
{
    cached = malloc(OTHER_SMALL);
    in_use = malloc(LARGE);
    strcpy(in_use, "the block in front of the hole");
    hole = malloc(LARGE);
    behind = malloc(LARGE);
    strcpy(behind, "the block behind the hole");
    purged = malloc(HUGE);
    memset(purged, 1, HUGE);
    guard = malloc(LARGE);
    for (size_t i = 0; i < HUGE_BLOCKS; i++) {
        huge[i] = malloc(HUGE);
    }
    long_end = malloc(LARGE);
    mapped = malloc(MAPPED);
    unmapped = malloc(MAPPED);
}

/* Outside of the heap. */
static void make_and_say_others(void)
{
    small = malloc(SMALL);
    say("small", small, SMALL);
    if (brkm_vmalloc != NULL) {
        struct brkm_kmem_cache *cache = brkm_kmem_cache_create("shapes", OBJECT, 0, 0, NULL);
        say("area", brkm_vmalloc(AREA), AREA);
        say("pages", brkm_get_free_pages(BRKM_GFP_KERNEL, PAGES_ORDER),
            (size_t)4096 << PAGES_ORDER);
        say("object", brkm_kmem_cache_alloc(cache, BRKM_GFP_KERNEL), OBJECT);
    }
}

/* The last of all, so that nothing lies between it and the top. */
static void make_pin(void)
{
    bordering = malloc(LARGE);
    pin = malloc(LARGE);
    strcpy(pin, "the block below the top");
}

static void make_holes(void)
{
    size_t hole_bytes = malloc_usable_size(hole) + HEADER;
    size_t bordering_bytes = malloc_usable_size(bordering) + HEADER;
    size_t cached_bytes = malloc_usable_size(cached) + HEADER;
    size_t purged_bytes = malloc_usable_size(purged) + HEADER;
    size_t long_bytes = (size_t)(long_end - huge[0]);
    free(hole);
    free(bordering);
    free(purged);
    for (size_t i = 0; i < HUGE_BLOCKS; i++) {
        free(huge[i]);
    }
    free(unmapped);
    free(cached);
    say("cached", cached, cached_bytes);
    say("hole", hole, hole_bytes);
    say("bordering", bordering, bordering_bytes);
    say("purged", purged, purged_bytes);
    say("long", huge[0], long_bytes);
}

static void say_blocks(void)
{
    say_in_use("in_use", in_use);
    say_in_use("behind", behind);
    say_in_use("guard", guard);
    say_in_use("pin", pin);
    say("elsewhere", elsewhere, 0);
    say("depot", depot, 0);
    say("mapped", mapped, malloc_usable_size(mapped));
    say("unmapped", unmapped, 0);
#ifndef API_PREFIXED /* there libc's malloc may have raised the break further */
    say("break", sbrk(0), 0);
#endif
}

static void overwrite(char *start, size_t bytes)
{
    memset(start, 'A', bytes);
}

static void damage(const char *what)
{
    char *header = behind - HEADER;
    size_t hole_usable = (size_t)(header - hole);
    const struct {
        const char *name;
        char *start;
        size_t bytes;
    } damages[] = {
        {"none", header, 0},
        {"guard", header, 2},
        {"seal", header + 2, 2},
        {"flags", header + 4, 1},
        {"size", header + 5, 3},
        {"header", header, HEADER},
        {"end", guard - 2 * HEADER, 2 * HEADER},
        {"tag", hole + hole_usable - HEADER, HEADER},
        {"link", hole, HEADER},
        {"cached", cached, HEADER},
        {"mapped", mapped - HEADER, HEADER},
        {"fencepost", mapped + malloc_usable_size(mapped), HEADER},
    };
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        if (strcmp(damages[i].name, what) == 0) {
            overwrite(damages[i].start, damages[i].bytes);
            return;
        }
    }
    fprintf(stderr, "shapes: no damage is called %s\n", what);
    exit(2);
}

/* More than pool, queue and stock hold: some are in the store. The last one is in the pool. */
#define FREED 700

static void fill_quarantine(void)
{
    static char *freed[FREED];
    pthread_t thread;
    mapped = malloc(MAPPED);
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&thread, NULL, keep_in_cache, NULL);
    pthread_barrier_wait(&barrier);
    pthread_create(&thread, NULL, leave_in_depot, NULL);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < FREED; i++) {
        freed[i] = malloc(SMALL);
    }
    for (size_t i = 0; i < FREED; i++) {
        free(freed[i]);
        say("freed", freed[i], 0);
    }
    free(mapped);
    say("mapped", mapped, 0);
    say("elsewhere", elsewhere, 0);
    say("left", depot, 0);
}

int main(int count, char **words)
{
    if (count != 4) {
        fputs("usage: shapes heap|fallback|empty|quarantine DAMAGE trap|abort|fault\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IONBF, 0);
    if (strcmp(words[1], "fallback") == 0) {
        block_the_break();
    }
    if (strcmp(words[1], "quarantine") == 0) {
        fill_quarantine();
    } else if (strcmp(words[1], "empty") != 0) {
        make_and_say_others();
        make_blocks();
        run_threads();
        make_pin();
        say_blocks();
        make_holes();
        damage(words[2]);
    }
    puts("ready");
    if (strcmp(words[3], "abort") == 0) {
        abort();
    } else if (strcmp(words[3], "fault") == 0) {
        free(behind);
    }
    raise(SIGTRAP);
    return 0;
}
