/* SPDX-License-Identifier: MIT
 *
 * No public function is a cancellation point: a thread that is cancelled before it calls one comes
 * back from it, whatever system calls that made (growth, page return, mapped blocks, statistics,
 * profiles, options), and leaves no lock and no mapping behind. Where the function itself holds
 * cancellation up (malloc_info, malloc_stats, brkm_stats_print), it may also be asynchronous.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "brkmalloc/brkmalloc.h"
#include "busy.h"

enum { large = 40 << 20, count = 4000 };

static char profile_path[64];
static void *blocks[count];
static FILE *sink;

/* What is preloaded is looked up. */
#ifdef DOOR_STATIC
#define FIND(name) (&name)
#else
#define FIND(name) ((__typeof__(&name))find(#name))
static void *find(const char *name)
{
    void *symbol = dlsym(RTLD_DEFAULT, name);
    CHECK_NOT_NULL(symbol);
    return symbol;
}
#endif

static void grow_and_shrink(void)
{
    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(i % 5000);
        CHECK_NOT_NULL(blocks[i]);
        memset(blocks[i], 1, i % 5000);
    }
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
}

static void use_mapped_blocks(void)
{
    char *block = malloc(large);
    CHECK_NOT_NULL(block);
    block = realloc(block, (size_t)2 * large);
    CHECK_NOT_NULL(block);
    block = realloc(block, large / 2);
    CHECK_NOT_NULL(block);
    free(block);
}

static void align(void)
{
    void *block = NULL;
    CHECK_EQ_INT(posix_memalign(&block, 65536, 300000), 0);
    free(block);
    free(memalign(4096, 100000));
    free(aligned_alloc(64, 64000));
    free(valloc(10000));
    free(pvalloc(10000));
    free(calloc(1000, 1000));
    free(reallocarray(NULL, 1000, 1000));
    CHECK_GE_UINT(malloc_usable_size(NULL) + 1, 1);
}

static void fail(void)
{
    void *volatile none = malloc((size_t)1 << 62);
    CHECK_EQ_PTR(none, NULL);
}

static void trim(void)
{
    malloc_trim(0);
}

static void set_options(void)
{
    size_t value = 0;
    CHECK_EQ_INT(mallopt(M_TRIM_THRESHOLD, 1 << 20), 1);
    CHECK_EQ_INT(FIND(brkm_option_get)("thp", &value), 0);
    CHECK_EQ_INT(FIND(brkm_option_set)("thp", value), 0);
    CHECK_EQ_INT(FIND(brkm_check_heap)(), 0);
}

static void print_statistics(void)
{
    struct mallinfo2 now = mallinfo2();
    CHECK_GE_UINT(now.arena + now.hblkhd, 1);
    malloc_stats();
    CHECK_EQ_INT(malloc_info(0, sink), 0);
}

/* A cancellation point of the program's. */
static void write_to_sink(void *context, const char *text, size_t length)
{
    CHECK_EQ_INT(write(*(int *)context, text, length), length);
}

static void print_to_program(void)
{
    int file = fileno(sink);
    CHECK_EQ_INT(FIND(brkm_stats_print)(write_to_sink, &file, BRKM_STATS_JSON), 0);
}

static void dump_profile(void)
{
    CHECK_EQ_INT(FIND(brkm_profile_start)(), 0);
    grow_and_shrink();
    unlink(profile_path);
    CHECK_EQ_INT(FIND(brkm_profile_dump)(profile_path), 0);
    CHECK_EQ_INT(FIND(brkm_profile_dump)(profile_path), EEXIST);
    FIND(brkm_profile_stop)();
    unlink(profile_path);
}

static void (*const functions[])(void) = {
    grow_and_shrink, use_mapped_blocks, align,           fail, trim, set_options,
    dump_profile,    print_statistics,  print_to_program};
#define FUNCTIONS (sizeof functions / sizeof functions[0])

struct call {
    void (*function)(void);
    int came_back;
};

static void *call_cancelled(void *argument)
{
    struct call *call = argument;
    pthread_cancel(pthread_self());
    call->function();
    call->came_back = 1;
    pthread_testcancel();
    return NULL;
}

static long mappings(void)
{
    char text[4096];
    long lines = 0;
    ssize_t got;
    int file = open("/proc/self/maps", O_RDONLY);
    while ((got = read(file, text, sizeof text)) > 0)
        for (ssize_t i = 0; i < got; i++)
            lines += text[i] == '\n';
    close(file);
    return lines;
}

static void call_all(void)
{
    for (size_t i = 0; i < FUNCTIONS; i++) {
        struct call call = {functions[i], 0};
        void *result = NULL;
        pthread_t thread;
        check_note("the function", i);
        CHECK_EQ_INT(pthread_create(&thread, NULL, call_cancelled, &call), 0);
        CHECK_EQ_INT(pthread_join(thread, &result), 0);
        CHECK_EQ_INT(call.came_back, 1);
        CHECK_EQ_PTR(result, PTHREAD_CANCELED);
        churn((unsigned)i, 500);
    }
}

/* ---- Asynchronous ---- */

static atomic_int printing;

static void *print_for_ever(void *argument)
{
    int file = *(int *)argument, old;
    int (*print)(brkm_writer, void *, enum brkm_stats_format) = FIND(brkm_stats_print);
    atomic_store(&printing, 1);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
    for (;;)
        print(write_to_sink, &file, BRKM_STATS_TEXT);
    return NULL;
}

static void cancel_while_it_prints(unsigned rounds)
{
    int file = open("/dev/null", O_WRONLY);
    for (unsigned i = 0; i < rounds; i++) {
        pthread_t thread;
        atomic_store(&printing, 0);
        CHECK_EQ_INT(pthread_create(&thread, NULL, print_for_ever, &file), 0);
        while (!atomic_load(&printing))
            usleep(100);
        usleep(i * 37 % 1000);
        CHECK_EQ_INT(pthread_cancel(thread), 0);
        CHECK_EQ_INT(pthread_join(thread, NULL), 0);
        churn(i, 100);
    }
    close(file);
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    snprintf(profile_path, sizeof profile_path, "cancel_functions.%d.heap", (int)getpid());
    sink = fopen("/dev/null", "w");
    int errors = open("/dev/null", O_WRONLY);
    int saved = dup(STDERR_FILENO);
    CHECK_NOT_NULL(sink);
    dup2(errors, STDERR_FILENO);
    call_all();
    call_all();
    long before = mappings();
    call_all();
    cancel_while_it_prints(40);
    long after = mappings();
    dup2(saved, STDERR_FILENO);
    CHECK_LE_UINT(after, before + 10);
    return door_done();
}
