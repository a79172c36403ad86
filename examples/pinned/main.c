/* SPDX-License-Identifier: MIT
 * A server that answers requests from many pages and frees them, and keeps a small session for one
 * request in ten: its memory stays far above what is live, as the sessions lie between the pages.
 * It serves for some seconds and is idle then, until its standard input ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 20
#define PAGES 30000
#define PAGES_PER_SESSION 10

struct session {
    struct session *next;
    char token[48];
};

static struct session *sessions;

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL) {
        perror("malloc");
        exit(1);
    }
    return memory;
}

static void keep_session(unsigned number)
{
    struct session *session = allocate(sizeof(*session));
    snprintf(session->token, sizeof(session->token), "session %u", number);
    session->next = sessions;
    sessions = session;
}

static char *load_page(unsigned number)
{
    size_t size = 400 + number * 7919u % 1600;
    return memset(allocate(size), 'p', size);
}

static void serve(unsigned round)
{
    static char *pages[PAGES];
    for (unsigned i = 0; i < PAGES; i++) {
        pages[i] = load_page(round + i);
        if (i % PAGES_PER_SESSION == 0) {
            keep_session(i);
        }
    }
    for (unsigned i = 0; i < PAGES; i++) {
        free(pages[i]);
    }
}

int main(void)
{
    const struct timespec pause = {0, 150000000};
    puts("serving");
    fflush(stdout);
    for (unsigned round = 0; round < ROUNDS; round++) {
        serve(round);
        nanosleep(&pause, NULL);
    }
    puts("idle");
    fflush(stdout);
    while (getchar() != EOF) {
    }
    return 0;
}
