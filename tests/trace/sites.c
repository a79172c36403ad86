/* SPDX-License-Identifier: MIT
 *
 * Allocates from functions whose blocks are known: sites PLUGIN_A PLUGIN_B [busy]. The plug-ins are
 * loaded one after the other, so that the second may lie where the first did. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sites.h"

#define KEPT 100
#define THREADS 4
#define BUSY_CALLS 300000

static void *kept[KEPT];
static void *moved;

__attribute__((noinline)) void kept_site(void)
{
    for (int i = 0; i < KEPT; i++) {
        kept[i] = malloc(1000);
    }
}

__attribute__((noinline)) void short_site(void)
{
    for (int i = 0; i < 500; i++) {
        free(malloc(200));
    }
}

__attribute__((noinline)) void unmoved_site(void)
{
    moved = realloc(moved, 40000);
}

__attribute__((noinline)) void moved_site(void)
{
    moved = realloc(moved, 80000);
}

__attribute__((noinline)) void child_site(void)
{
    for (int i = 0; i < 20; i++) {
        kept[i] = calloc(1, 128);
    }
}

__attribute__((noinline)) void *thread_site(void *unused)
{
    for (int i = 0; i < 50; i++) {
        void *block;
        if (posix_memalign(&block, 64, 640) != 0) {
            abort();
        }
    }
    return unused;
}

/* As a peak that is gone at the end. */
static void run_peak(void)
{
    void *block = library_site(3000000);
    free(block);
}

static void run_threads(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, thread_site, NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void run_plugin(const char *path)
{
    void *plugin = dlopen(path, RTLD_NOW);
    void *(*run)(void);
    if (plugin == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    void *found = dlsym(plugin, "plugin_run");
    memcpy(&run, &found, sizeof(run));
    printf("%s %p\n", path, run());
    dlclose(plugin);
}

static void run_child(void)
{
    pid_t child = fork();
    if (child == 0) {
        child_site();
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
    kept_site();
    short_site();
    unmoved_site();
    moved_site();
    run_peak();
    for (int round = 0; round < 3; round++) {
        run_plugin(argv[1]);
        run_plugin(argv[2]);
    }
    run_threads();
    run_child();
    for (int i = 0; argc > 3 && i < BUSY_CALLS; i++) {
        short_site_of_library();
    }
    return 0;
}
