/* SPDX-License-Identifier: MIT
 *
 * A fuzz target as a plain program, for compilers without a fuzzer and to repeat findings.
 *
 *   TARGET FILE|FOLDER...               each file, and each file of each folder, is one input
 *   TARGET --random SEED COUNT LENGTH   so many inputs of so many pseudo-random bytes
 *
 * Each input has a process of its own. What a random input found is written to a file, named in the
 * message, in the current folder. Exit status: 1 when something was found, 2 for bad usage. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source.h"

/* Bytes of an input; the fuzzers make none as large. */
#define INPUT_MAX (1 << 20)

static const char *program;
static unsigned long inputs, findings;

static _Noreturn void fail(const char *what, const char *about)
{
    fprintf(stderr, "%s: %s: %s: %s\n", program, about, what, strerror(errno));
    exit(2);
}

/* True when the input ended well. */
static bool run(const char *name, const uint8_t *bytes, size_t length)
{
    fflush(stdout);
    inputs++;
    pid_t child = fork();
    if (child < 0) {
        fail("fork", name);
    }
    if (child == 0) {
        LLVMFuzzerTestOneInput(bytes, length);
        exit(0);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            fail("waitpid", name);
        }
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return true;
    }
    findings++;
    fprintf(stderr, "%s: found something with %s (%s %d)\n", program, name,
            WIFSIGNALED(status) ? "signal" : "exit status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return false;
}

/* ---- Files ---- */

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(INPUT_MAX);
    if (file == NULL || bytes == NULL) {
        fail("cannot be read", path);
    }
    size_t length = fread(bytes, 1, INPUT_MAX, file);
    if (ferror(file)) {
        fail("cannot be read", path);
    }
    fclose(file);
    run(path, bytes, length);
    free(bytes);
}

static void run_path(const char *path);

static void run_folder(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        fail("cannot be read", path);
    }
    for (int i = 0; i < count; i++) {
        char *inside;
        if (entries[i]->d_name[0] != '.' &&
            asprintf(&inside, "%s/%s", path, entries[i]->d_name) >= 0) {
            run_path(inside);
            free(inside);
        }
        free(entries[i]);
    }
    free(entries);
}

static void run_path(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        fail("cannot be read", path);
    }
    if (S_ISDIR(status.st_mode)) {
        run_folder(path);
    } else {
        run_file(path);
    }
}

/* ---- Random inputs ---- */

static uint64_t random_state;

/* splitmix64 */
static uint64_t next_random(void)
{
    uint64_t mixed = random_state += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

static void save(const char *name, const uint8_t *bytes, size_t length)
{
    FILE *file = fopen(name, "wb");
    if (file == NULL || fwrite(bytes, 1, length, file) != length || fclose(file) != 0) {
        fail("cannot be written", name);
    }
}

static unsigned long number_of(const char *text)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 0);
    if (*end != '\0' || errno != 0 || text[0] < '0' || text[0] > '9') {
        fprintf(stderr, "%s: '%s' is not a number\n", program, text);
        exit(2);
    }
    return number;
}

static void run_random(char **numbers)
{
    unsigned long seed = number_of(numbers[0]);
    unsigned long count = number_of(numbers[1]);
    size_t length = number_of(numbers[2]);
    uint8_t *bytes = malloc(length + 1);
    if (length > INPUT_MAX || bytes == NULL) {
        fprintf(stderr, "%s: an input has at most %d bytes\n", program, INPUT_MAX);
        exit(2);
    }
    for (unsigned long round = 0; round < count; round++) {
        char name[80];
        random_state = seed + round;
        for (size_t i = 0; i < length; i++) {
            bytes[i] = (uint8_t)(next_random() >> 56);
        }
        snprintf(name, sizeof(name), "found-%lu-%zu", seed + round, length);
        if (!run(name, bytes, length)) {
            save(name, bytes, length);
        }
    }
    free(bytes);
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc == 5 && strcmp(argv[1], "--random") == 0) {
        run_random(argv + 2);
    } else if (argc < 2 || argv[1][0] == '-') {
        fprintf(stderr, "usage: %s FILE|FOLDER...\n       %s --random SEED COUNT LENGTH\n", program,
                program);
        return 2;
    } else {
        for (int i = 1; i < argc; i++) {
            run_path(argv[i]);
        }
    }
    printf("%lu inputs, %lu findings\n", inputs, findings);
    return findings == 0 && inputs != 0 ? 0 : 1;
}
