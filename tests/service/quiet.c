/* SPDX-License-Identifier: MIT
 *
 * quiet DOOR CASE: with the option background a program that has freed much and then makes no call
 * is small one second later, and its service thread sleeps. random   256 MiB of small objects, of
 * which a random 99 % is freed cycle    large blocks, allocated and freed again and again share a
 * sixteenth of what is in use lies free, which no free gives back off      as cycle, without the
 * option: it stays
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../interpose/busy.h"
#include "../support/check_eq.h"
#include "../support/door.h"

#define MIB ((size_t)1 << 20)

enum { objects = 550000, large = 64, rounds = 30, chunks = 4096 };

static void sleep_for(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(long)seconds) * 1e9)};
    while (nanosleep(&time, &time) != 0) {
    }
}

static unsigned next_random(void)
{
    static unsigned long state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 11);
}

static void *take(size_t size)
{
    void *memory = malloc(size);
    CHECK_NOT_NULL(memory);
    memset(memory, 1, size);
    return memory;
}

/* Each leaves what it has freed; returns the bytes that are live. */
static size_t free_at_random(void)
{
    static void *all[objects];
    size_t live = 0;
    for (size_t i = 0; i < objects; i++) {
        all[i] = take(64 + next_random() % 897);
    }
    for (size_t i = 0; i < objects; i++) {
        if (next_random() % 100 != 0) {
            free(all[i]);
        } else {
            live += 512;
        }
    }
    return live;
}

static size_t cycle_large(void)
{
    void *all[large];
    for (int round = 0; round < rounds; round++) {
        for (size_t i = 0; i < large; i++) {
            all[i] = take(MIB + next_random() % 100000);
        }
        for (size_t i = 0; i < large; i++) {
            free(all[i]);
        }
    }
    return 0;
}

static size_t free_a_share(void)
{
    static void *all[chunks];
    size_t size = 64 * 1024 + 64;
    for (size_t i = 0; i < chunks; i++) {
        all[i] = take(size);
    }
    for (size_t i = 0; i < chunks / 20; i++) {
        free(all[i * 20]);
    }
    return (chunks - chunks / 20) * size;
}

/* Times that the service thread has gone to sleep; -1 when there is none. */
static long service_sleeps(void)
{
    long sleeps = -1;
    char path[300];
    char line[128];
    DIR *tasks = opendir("/proc/self/task");
    CHECK_NOT_NULL(tasks);
    for (struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        long count = 0;
        int is_service = 0;
        snprintf(path, sizeof(path), "/proc/self/task/%s/status", task->d_name);
        FILE *file = fopen(path, "r");
        while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
            is_service |= strcmp(line, "Name:\tbrkmalloc\n") == 0;
            sscanf(line, "voluntary_ctxt_switches: %ld", &count);
        }
        if (file != NULL) {
            fclose(file);
        }
        sleeps = is_service ? count : sleeps;
    }
    closedir(tasks);
    return sleeps;
}

/* What the program's own image and the caches need, and what may stay. */
static const size_t allowance = 6 * MIB;

int main(int count, char **words)
{
    door_require(count, words);
    const char *name = count > 2 ? words[2] : "";
    int is_off = strcmp(name, "off") == 0;
    size_t live = strcmp(name, "random") == 0  ? free_at_random()
                  : strcmp(name, "share") == 0 ? free_a_share()
                                               : cycle_large();
    size_t at_once = resident_bytes();
    sleep_for(1);
    size_t later = resident_bytes();
    printf("%s: %zu KiB live, resident %zu KiB, after 1 s %zu KiB\n", name, live >> 10,
           at_once >> 10, later >> 10);
    if (is_off) {
        CHECK_GE_UINT(later + MIB, at_once);
        CHECK_GE_UINT(later, large / 2 * MIB);
        CHECK_EQ_INT(service_sleeps(), -1);
        return door_done();
    }
    /* Each small object that stays keeps a page, and most of another free one. */
    CHECK_LE_UINT(later, strcmp(name, "random") == 0 ? 40 * MIB : live + allowance);
    /* Looking takes a few allocations; then nobody wakes the thread. */
    service_sleeps();
    sleep_for(0.8);
    long sleeps = service_sleeps();
    CHECK_GE_INT(sleeps, 1);
    sleep_for(2);
    CHECK_GE_INT(sleeps + 4, service_sleeps());
    return door_done();
}
