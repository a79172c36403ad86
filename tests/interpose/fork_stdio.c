/* SPDX-License-Identifier: MIT
 *
 * fork against stdio: one thread reads lines (holds a stream, wants memory), one flushes all
 * streams (holds the list of streams, wants the stream), one forks (wants everything).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/clock.h"
#include "../support/door.h"
#include "busy.h"

/* As many as fit into the time, which depends on how busy the machine is. */
enum { fewest_forks = 60, most_forks = 400, seconds = 6, readers = 2 };

static atomic_int stop;

static void *read_lines(void *unused)
{
    FILE *stream = tmpfile();
    (void)unused;
    CHECK_NOT_NULL(stream);
    for (int i = 1; i < 300; i++)
        fprintf(stream, "%0*d\n", i * 3, i);
    while (!atomic_load(&stop)) {
        char *line = NULL;
        size_t room = 0;
        rewind(stream);
        while (getline(&line, &room, stream) > 0) {
            free(line);
            line = NULL;
            room = 0;
        }
        free(line);
    }
    fclose(stream);
    return NULL;
}

static void *flush_all(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop))
        fflush(NULL);
    return NULL;
}

static void *open_and_close(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop)) {
        FILE *stream = fopen("/dev/null", "r");
        CHECK_NOT_NULL(stream);
        fclose(stream);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[readers + 2];
    double end;
    door_require(argc, argv);
    for (int i = 0; i < readers; i++)
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, read_lines, NULL), 0);
    CHECK_EQ_INT(pthread_create(&threads[readers], NULL, flush_all, NULL), 0);
    CHECK_EQ_INT(pthread_create(&threads[readers + 1], NULL, open_and_close, NULL), 0);
    end = clock_seconds() + seconds;
    for (int i = 0; i < fewest_forks || (i < most_forks && clock_seconds() < end); i++) {
        pid_t child = fork();
        if (child == 0) {
            FILE *stream = fopen("/dev/null", "w");
            CHECK_NOT_NULL(stream);
            CHECK_EQ_INT(fprintf(stream, "%d", i), i < 10 ? 1 : i < 100 ? 2 : 3);
            CHECK_EQ_INT(fflush(NULL), 0);
            churn((unsigned)i, 50);
            _exit(check_done());
        }
        CHECK_CHILD(child);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < readers + 2; i++)
        CHECK_EQ_INT(pthread_join(threads[i], NULL), 0);
    return door_done();
}
