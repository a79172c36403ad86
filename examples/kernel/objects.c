/* SPDX-License-Identifier: MIT
 * An object cache against malloc: time, and memory per byte. And what classes waste, as the option
 * kmalloc_round says: run it with both. */
#include <linux/slab.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OBJECTS = 1000000, SIZE = 64, STEPS = 4000000 };

static void *objects[OBJECTS];
static struct kmem_cache *cache;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static long resident_bytes(void)
{
    long all = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld %ld", &all, &resident) != 2) {
        exit(1);
    }
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

static void *take_object(void)
{
    return kmem_cache_alloc(cache, GFP_KERNEL);
}

static void give_object(void *object)
{
    kmem_cache_free(cache, object);
}

static void *take_block(void)
{
    return malloc(SIZE);
}

static void compare(const char *what, void *(*take)(void), void (*give)(void *))
{
    memset(objects, 0, sizeof(objects));
    long before = resident_bytes();
    for (int i = 0; i < OBJECTS; i++) {
        objects[i] = memset(take(), 1, SIZE);
    }
    double per_byte = (double)(resident_bytes() - before) / OBJECTS / SIZE;
    double began = seconds();
    unsigned random = 1;
    for (int i = 0; i < STEPS; i++) {
        random = random * 1664525u + 1013904223u;
        give(objects[random % OBJECTS]);
        objects[random % OBJECTS] = take();
    }
    double each = (seconds() - began) / STEPS * 1e9;
    printf("%-12s %.3f bytes resident per byte, %.0f ns to replace a random one\n", what, per_byte,
           each);
    for (int i = 0; i < OBJECTS; i++) {
        give(objects[i]);
    }
}

static void waste(void)
{
    size_t asked = 0, got = 0;
    unsigned random = 1;
    for (int i = 0; i < 100000; i++) {
        random = random * 1664525u + 1013904223u;
        size_t size = 1 + (random >> 8) % 4096;
        void *object = kmalloc(size, GFP_KERNEL);
        asked += size;
        got += ksize(object);
        kfree(object);
    }
    printf("kmalloc of 1 to 4096 bytes: %.1f %% wasted by rounding up\n",
           100.0 * (double)(got - asked) / (double)asked);
}

int main(int count, char **arguments)
{
    waste();
    if (count > 1 && strcmp(arguments[1], "waste") == 0) {
        return 0;
    }
    cache = kmem_cache_create("object", SIZE, 0, 0, NULL);
    compare("object cache", take_object, give_object);
    compare("malloc", take_block, free);
    return 0;
}
