/* SPDX-License-Identifier: MIT
 *
 * Functions of libc round files, folders and processes that take memory from malloc.
 */
#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <glob.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"

static void release(void *memory, size_t size)
{
    CHECK_NOT_NULL(memory);
    CHECK_GE_UINT(malloc_usable_size(memory), size);
    free(memory);
}

static void release_text(char *text)
{
    CHECK_NOT_NULL(text);
    release(text, strlen(text) + 1);
}

static void names(void)
{
    char *folder = getcwd(NULL, 0);
    char *real = realpath(".", NULL);
    CHECK_EQ_STR(folder, real);
    release_text(folder);
    release_text(real);
    release(getcwd(NULL, PATH_MAX), PATH_MAX);
    release_text(canonicalize_file_name("/proc/self/exe"));
    release_text(get_current_dir_name());
}

static void folders(void)
{
    struct dirent **entries = NULL;
    DIR *folder = opendir("/proc/self");
    glob_t found;
    int count = 0;
    CHECK_NOT_NULL(folder);
    while (readdir(folder) != NULL)
        count++;
    CHECK_EQ_INT(closedir(folder), 0);
    CHECK_GE_INT(count, 10);
    count = scandir("/proc/self", &entries, NULL, alphasort);
    CHECK_GE_INT(count, 10);
    for (int i = 0; i < count; i++)
        release(entries[i], entries[i]->d_reclen);
    release(entries, (size_t)count * sizeof *entries);
    CHECK_EQ_INT(glob("/proc/self/[a-m]*", 0, NULL, &found), 0);
    CHECK_GE_UINT(found.gl_pathc, 2);
    globfree(&found);
}

static int open_descriptors(void)
{
    int count = 0;
    for (int descriptor = 0; descriptor < 64; descriptor++)
        count += fcntl(descriptor, F_GETFD) >= 0;
    return count;
}

static void walk(void)
{
    char root[] = "/proc/self/fdinfo";
    char *roots[] = {root, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    int seen = 0;
    CHECK_NOT_NULL(tree);
    while (fts_read(tree) != NULL)
        seen++;
    /* The folder, before and after it what lies in it: a file for each open descriptor. */
    CHECK_GE_INT(seen, 2 + open_descriptors());
    CHECK_EQ_INT(fts_close(tree), 0);
}

static void streams(void)
{
    char word[32] = "";
    char *buffer = malloc(70000);
    FILE *file = tmpfile();
    FILE *pipe;
    CHECK_NOT_NULL(file);
    CHECK_EQ_INT(setvbuf(file, buffer, _IOFBF, 70000), 0);
    CHECK_EQ_INT(fprintf(file, "%01000d", 5), 1000);
    CHECK_EQ_INT(fclose(file), 0);
    release(buffer, 70000);
    pipe = popen("echo through a pipe", "r");
    CHECK_NOT_NULL(pipe);
    CHECK_EQ_INT(fscanf(pipe, "%31s", word), 1);
    CHECK_EQ_STR(word, "through");
    CHECK_EQ_INT(pclose(pipe), 0);
}

/* The environment's strings are copied, replaced and dropped. */
static void environment(void)
{
    char name[32];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "BRKM_TEST_%d", i);
        CHECK_EQ_INT(setenv(name, "some value", 1), 0);
        CHECK_EQ_INT(setenv(name, "a longer value that needs more room", 1), 0);
    }
    CHECK_EQ_STR(getenv("BRKM_TEST_299"), "a longer value that needs more room");
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "BRKM_TEST_%d", i);
        CHECK_EQ_INT(unsetenv(name), 0);
    }
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    for (int round = 0; round < 10; round++) {
        names();
        folders();
        walk();
        streams();
        environment();
    }
    return door_done();
}
