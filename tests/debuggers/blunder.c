/* SPDX-License-Identifier: MIT
 * blunder WHAT: does one wrong thing with a block of 100 bytes, which a checker is to find. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef API_PREFIXED
#include "brkmalloc/brkmalloc.h"
#define malloc brkm_malloc
#define realloc brkm_realloc
#define free brkm_free
#endif

#define SIZE 100

static volatile int sink;
static char *volatile block;

static void overrun(void)
{
    block[SIZE] = 1;
}

static void undefined(void)
{
    char *volatile other = malloc(SIZE);
    if (other[5] == 3) {
        puts("three");
    }
    free(other);
}

static void after_free(void)
{
    free(block);
    sink = block[SIZE / 2];
    block = NULL;
}

/* Behind what is left of a block that stays where it is, or moves. */
static void past_shrunk(void)
{
    block = realloc(block, SIZE / 2 + 10);
    sink = block[SIZE / 2 + 10];
}

static void twice(void)
{
    free(block);
    free(block);
    block = NULL;
}

static void leak(void)
{
    block = NULL;
}

static void *count_up(void *unused)
{
    (*block)++;
    return unused;
}

static void race(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, count_up, NULL);
    (*block)++;
    pthread_join(thread, NULL);
}

static void nothing(void)
{
}

int main(int count, char **words)
{
    const struct {
        const char *name;
        void (*commit)(void);
    } blunders[] = {{"overrun", overrun},
                    {"undefined", undefined},
                    {"after_free", after_free},
                    {"past_shrunk", past_shrunk},
                    {"twice", twice},
                    {"leak", leak},
                    {"race", race},
                    {"nothing", nothing}};
    for (size_t i = 0; count == 2 && i < sizeof(blunders) / sizeof(blunders[0]); i++) {
        if (strcmp(blunders[i].name, words[1]) == 0) {
            block = malloc(SIZE);
            memset(block, 1, SIZE);
            blunders[i].commit();
            free(block);
            return 0;
        }
    }
    fputs("usage: blunder overrun|undefined|after_free|past_shrunk|twice|leak|race|nothing\n",
          stderr);
    return 2;
}
