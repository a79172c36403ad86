/* SPDX-License-Identifier: MIT
 *
 * A write to a freed block ends the program, also one that turns M_PERTURB on while it runs: an aid
 * for debugging finds no less.
 */
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"

#define BLOCKS 3
#define AGAIN 100

/* Writes to the block that was freed as number `written` of a few, and asks for as many bytes
 * again. */
static void misuse(size_t size, int written)
{
    char *volatile blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(size);
    }
    size_t usable = malloc_usable_size(blocks[written]);
    for (int i = 0; i < BLOCKS; i++) {
        free(blocks[i]);
    }
    memset(blocks[written], 'A', size);
    for (int i = 0; i < AGAIN; i++) {
        char *volatile again = malloc(usable);
        (void)again;
    }
}

static int signal_of(size_t size, int written, int perturb)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        close(STDERR_FILENO);
        if (perturb != 0) {
            CHECK_EQ_INT(mallopt(M_PERTURB, perturb), 1);
        }
        misuse(size, written);
        _exit(0);
    }
    CHECK_EQ_INT(waitpid(child, &status, 0) == child, 1);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {24, 32, 1000, 3000};
    door_require(argc, argv);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (int written = 0; written < BLOCKS; written++) {
            CHECK_EQ_INT(signal_of(sizes[i], written, 0), SIGABRT);
            CHECK_EQ_INT(signal_of(sizes[i], written, 42), SIGABRT);
        }
    }
    return 0;
}
