/* SPDX-License-Identifier: MIT
 *
 * Models a server with a thread per session (after Larson and Krishnan): a thread replaces random
 * blocks of its session, then starts its successor, which inherits the blocks, and dies. So most
 * blocks are freed by another thread than the one that allocated them.
 * Operation: one free and one malloc.
 *   threads=2           sessions at one time
 *   lives=50            threads of each session, one after the other
 *   slots=1000          blocks of a session
 *   least=16 most=1000  bytes of a block, evenly distributed */
#include "bench.h"

#include <semaphore.h>

static size_t lives, slots, least, most;

struct session {
    struct worker worker;
    size_t life;
    struct block *blocks;
};

static sem_t ended;

static void *live(void *argument)
{
    struct session *session = argument;
    struct worker *worker = &session->worker;
    size_t operations = share(worker->operations, session->life, lives);
    for (size_t i = 0; i < operations; i++) {
        size_t slot = random_below(&worker->random, slots);
        replace(&session->blocks[slot], random_between(&worker->random, least, most));
        worker->done++;
    }
    session->life++;
    if (session->life == lives) {
        sem_post(&ended);
        return NULL;
    }
    pthread_t successor;
    thread_start(&successor, live, session);
    pthread_detach(successor);
    return NULL;
}

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    size_t operations = argument("operations", 1000000);
    size_t threads = argument("threads", 2);
    lives = argument("lives", 50);
    slots = argument("slots", 1000);
    least = argument("least", 16);
    most = argument("most", 1000);
    arguments_end();

    struct session *sessions = checked(calloc(threads, sizeof(*sessions)));
    sem_init(&ended, 0, 0);
    double start = clock_seconds();
    for (size_t i = 0; i < threads; i++) {
        sessions[i].worker.random = random_begin(i);
        sessions[i].worker.operations = share(operations, i, threads);
        sessions[i].blocks = checked(calloc(slots, sizeof(struct block)));
        pthread_t first;
        thread_start(&first, live, &sessions[i]);
        pthread_detach(first);
    }
    for (size_t i = 0; i < threads; i++) {
        while (sem_wait(&ended) != 0) {
        }
    }
    double seconds = clock_seconds() - start;
    size_t done = 0;
    for (size_t i = 0; i < threads; i++) {
        done += sessions[i].worker.done;
    }
    report(done, seconds);
    return 0;
}
