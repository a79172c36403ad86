/* SPDX-License-Identifier: MIT
 *
 * Threads that are cancelled, but have not come to a cancellation point, call malloc_stats and
 * malloc_info: each comes back, the text is complete, and no memory stays behind.
 */
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { rounds = 60, warm = 10 };

static int came_back;
static FILE *stream;

static void *print_cancelled(void *unused)
{
    pthread_cancel(pthread_self());
    malloc_stats();
    CHECK_EQ_INT(malloc_info(0, stream), 0);
    came_back++;
    return unused;
}

static off_t size_of(int file)
{
    struct stat status;
    CHECK_EQ_INT(fstat(file, &status), 0);
    return status.st_size;
}

static int temporary(void)
{
    char name[] = "cancel_malloc_stats-XXXXXX";
    int file = mkstemp(name);
    CHECK_GE_INT(file, 0);
    unlink(name);
    return file;
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    int file = temporary(), saved = dup(STDERR_FILENO);
    off_t once = 0;
    size_t resident = 0;
    stream = fdopen(temporary(), "w");
    CHECK_NOT_NULL(stream);
    /* Each write goes to the system. */
    setvbuf(stream, NULL, _IONBF, 0);
    dup2(file, STDERR_FILENO);
    for (int i = 0; i < rounds; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, print_cancelled, NULL);
        pthread_join(thread, NULL);
        once = i == 0 ? size_of(file) : once;
        resident = i == warm ? resident_bytes() : resident;
    }
    dup2(saved, STDERR_FILENO);
    CHECK_EQ_INT(came_back, rounds);
    /* The numbers in it have more digits or fewer. */
    CHECK_GE_INT(once, 500);
    CHECK_GE_INT(size_of(file), once * rounds * 9 / 10);
    CHECK_GE_INT(size_of(fileno(stream)), 500 * rounds);
    CHECK_LE_UINT(resident_bytes(), resident + (800 << 10));
    return door_done();
}
