/* SPDX-License-Identifier: MIT
 *
 * Works with several threads and then prints its statistics in one of their forms to standard
 * output, for statistics.py: "json", "text" or "xml".
 */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/door.h"
#include "brkmalloc/brkmalloc.h"

enum { threads = 3 };

static pthread_barrier_t rest;

/* Leaves blocks of many sizes in use and in caches, and free ones between them. */
static void *work(void *seed)
{
    enum { count = 200 };
    void *blocks[count] = {NULL};
    unsigned random = (unsigned)(size_t)seed;
    for (int step = 0; step < 5000; step++) {
        random = random * 1103515245 + 12345;
        void **block = &blocks[random / 65536 % count];
        free(*block);
        *block = malloc((size_t)1 << random / 16777216 % 18);
    }
    pthread_barrier_wait(&rest);
    pthread_barrier_wait(&rest);
    for (int i = 0; i < count; i++) {
        free(blocks[i]);
    }
    return NULL;
}

static void print_piece(void *stream, const char *text, size_t length)
{
    fwrite(text, 1, length, stream);
}

static int print(const char *form)
{
    if (strcmp(form, "xml") == 0) {
        return malloc_info(0, stdout);
    }
    return brkm_stats_print(print_piece, stdout,
                            strcmp(form, "json") == 0    ? BRKM_STATS_JSON
                            : strcmp(form, "lines") == 0 ? BRKM_STATS_LINES
                                                         : BRKM_STATS_TEXT);
}

int main(int argc, char **argv)
{
    pthread_t thread[threads];
    door_require(argc, argv);
    if (argc != 3) {
        fputs("usage: statistics DOOR json|lines|text|xml\n", stderr);
        return 2;
    }
    void *mapped = malloc(10 << 20);
    void *large = malloc(200000);
    pthread_barrier_init(&rest, NULL, threads + 1);
    for (size_t i = 0; i < threads; i++) {
        pthread_create(&thread[i], NULL, work, (void *)(i + 1));
    }
    pthread_barrier_wait(&rest);
    int status = print(argv[2]);
    pthread_barrier_wait(&rest);
    for (size_t i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
    }
    free(mapped);
    free(large);
    return status;
}
