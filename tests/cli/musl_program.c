/* SPDX-License-Identifier: MIT
 *
 * A program of another libc, with threads and forks, that says whose malloc it runs on: exit status
 * 7 on brkmalloc, 8 on another. */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { rounds = 20000, threads = 3, children = 5 };

static void *work(void *context)
{
    for (size_t i = 0; i < rounds; i++) {
        char *memory = malloc(i % 3000 + 1);
        memset(memory, 1, i % 3000 + 1);
        memory = realloc(memory, i % 5000 + 1);
        if (malloc_usable_size(memory) < i % 5000 + 1) {
            abort();
        }
        free(memory);
    }
    return context;
}

int main(void)
{
    pthread_t started[threads];
    for (int i = 0; i < threads; i++) {
        if (pthread_create(&started[i], NULL, work, NULL) != 0) {
            return 1;
        }
    }
    for (int i = 0; i < children; i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            work(NULL);
            _exit(0);
        }
        if (waitpid(child, &status, 0) != child || status != 0) {
            return 2;
        }
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(started[i], NULL);
    }
    return dlsym(RTLD_DEFAULT, "brkm_version") != NULL ? 7 : 8;
}
