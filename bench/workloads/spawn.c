/* SPDX-License-Identifier: MIT
 *
 * Models a program that starts a thread for each little job: the thread allocates some blocks,
 * frees all but one, hands that one to the main thread as its result, and ends.
 * Operation: one thread from start to join.
 *   width=8             threads at one time
 *   blocks=100          blocks that each thread allocates
 *   least=16 most=2048  bytes of a block; each doubling is equally likely */
#include "bench.h"

static size_t blocks, least, most;

struct job {
    pthread_t thread;
    size_t seed;
    struct block result;
};

static void *job_run(void *argument)
{
    struct job *job = argument;
    struct random random = random_begin(job->seed);
    struct block *list = checked(calloc(blocks, sizeof(*list)));
    for (size_t i = 0; i < blocks; i++) {
        replace(&list[i], random_skewed(&random, least, most));
    }
    for (size_t i = 1; i < blocks; i++) {
        release(&list[i]);
    }
    job->result = list[0];
    free(list);
    return NULL;
}

int main(int argc, char **argv)
{
    arguments_begin(argc, argv);
    size_t operations = argument("operations", 10000);
    size_t width = argument("width", 8);
    blocks = argument("blocks", 100);
    least = argument("least", 16);
    most = argument("most", 2048);
    arguments_end();

    struct job *jobs = checked(calloc(width, sizeof(*jobs)));
    size_t done = 0;
    double start = clock_seconds();
    while (done < operations) {
        size_t count = operations - done < width ? operations - done : width;
        for (size_t i = 0; i < count; i++) {
            jobs[i].seed = done + i;
            thread_start(&jobs[i].thread, job_run, &jobs[i]);
        }
        for (size_t i = 0; i < count; i++) {
            pthread_join(jobs[i].thread, NULL);
            release(&jobs[i].result);
            done++;
        }
    }
    report(done, clock_seconds() - start);
    free(jobs);
    return 0;
}
