/* SPDX-License-Identifier: MIT
 *
 * mallinfo2, mallinfo, malloc_stats and malloc_info.
 */
#include "api.h"

#include <ctype.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static void sums_agree(void)
{
    struct mallinfo2 info = mallinfo2();
    CHECK_EQ_UINT(info.uordblks + info.fordblks, info.arena);
    CHECK_EQ_UINT(info.usmblks, 0);
    CHECK_LE_UINT(info.keepcost, info.arena);
    if (info.hblks == 0)
        CHECK_EQ_UINT(info.hblkhd, 0);
    else
        CHECK_GE_UINT(info.hblkhd, info.hblks * 4096);
}

/* Guarded blocks are no part of the heap, and others come to be mapped or wait in quarantine, where
 * options say so. */
static void follows_blocks(void)
{
    enum { count = 1000, size = 2000 };
    void *blocks[count];
    struct mallinfo2 before = mallinfo2();
    struct mallinfo2 during;
    struct mallinfo2 after;
    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(size);
        CHECK_NOT_NULL(blocks[i]);
    }
    during = mallinfo2();
    sums_agree();
    CHECK_GE_UINT(during.uordblks + 16 * KIB, before.uordblks + count * size);
    CHECK_LE_UINT(during.uordblks, before.uordblks + count * size * 3 / 2);
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
    after = mallinfo2();
    sums_agree();
    /* Blocks in a cache may count as used or as free. */
    CHECK_LE_UINT(after.uordblks, before.uordblks + after.fsmblks + 256 * KIB);
}

/* As with glibc, of which a program or its tunables said that there shall be no fast bins. */
static void has_no_fast_bins(void)
{
    void *small;
    void *behind;
    CHECK_EQ_INT(mallopt(M_MXFAST, 0), 1);
    small = malloc(3);
    behind = malloc(512);
    free(small);
    CHECK_EQ_UINT(mallinfo2().smblks, 0);
    CHECK_EQ_UINT(mallinfo2().fsmblks, 0);
    free(behind);
}

static void counts_mapped_blocks(void)
{
    struct mallinfo2 before = mallinfo2();
    struct mallinfo2 during;
    void *block = malloc(100 * MIB);
    CHECK_NOT_NULL(block);
    during = mallinfo2();
    CHECK_EQ_UINT(during.hblks, before.hblks + 1);
    CHECK_GE_UINT(during.hblkhd, before.hblkhd + 100 * MIB);
    free(block);
    CHECK_EQ_UINT(mallinfo2().hblks, before.hblks);
    CHECK_EQ_UINT(mallinfo2().hblkhd, before.hblkhd);
}

static void the_old_structure_agrees(void)
{
    struct mallinfo2 wide = mallinfo2();
    struct mallinfo narrow = mallinfo();
    CHECK_EQ_INT(narrow.arena, wide.arena);
    CHECK_EQ_INT(narrow.ordblks, wide.ordblks);
    CHECK_EQ_INT(narrow.hblks, wide.hblks);
    CHECK_EQ_INT(narrow.hblkhd, wide.hblkhd);
    CHECK_EQ_INT(narrow.uordblks, wide.uordblks);
    CHECK_EQ_INT(narrow.fordblks, wide.fordblks);
    CHECK_EQ_INT(narrow.keepcost, wide.keepcost);
}

/* Steps over one tag and returns what follows it, or NULL when the text is not well formed.
 * `depth` counts the elements that are open; their names are kept in `open`. */
static const char *step_over_tag(const char *at, char open[][32], size_t *depth)
{
    char name[32];
    size_t length = 0;
    int closing = at[1] == '/';
    const char *from = at + (closing ? 2 : 1);
    while (isalnum((unsigned char)from[length]) && length < sizeof name - 1) {
        name[length] = from[length];
        length++;
    }
    name[length] = '\0';
    at = strchr(at, '>');
    if (at == NULL || length == 0)
        return NULL;
    if (closing)
        return *depth > 0 && strcmp(open[--*depth], name) == 0 ? at + 1 : NULL;
    if (at[-1] != '/') {
        if (*depth == 8)
            return NULL;
        memcpy(open[(*depth)++], name, sizeof name);
    }
    return at + 1;
}

static int is_well_formed(const char *text)
{
    char open[8][32];
    size_t depth = 0;
    size_t elements = 0;
    const char *at = text;
    while ((at = strchr(at, '<')) != NULL) {
        at = step_over_tag(at, open, &depth);
        if (at == NULL)
            return 0;
        elements++;
    }
    return depth == 0 && elements > 0;
}

/* A memory stream, so that writing allocates while the state is being written. */
static void info_is_xml(void)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    CHECK_NOT_NULL(stream);
    CHECK_EQ_INT(malloc_info(0, stream), 0);
    CHECK_EQ_INT(fclose(stream), 0);
    CHECK_EQ_INT(strncmp(text, "<malloc version=", 16), 0);
    CHECK_TRUE(is_well_formed(text));
    CHECK_NOT_NULL(strstr(text, "<heap nr=\"0\">"));
    CHECK_NOT_NULL(strstr(text, "<total type=\"mmap\""));
    CHECK_NOT_NULL(strstr(text, "<system type=\"current\""));
    CHECK_NOT_NULL(strstr(text, "</malloc>"));
#ifdef API_PREFIXED
#undef free
#endif
    free(text);
    CHECK_NE_INT(malloc_info(1, stdout), 0);
}

/* Only one thread may do this: it moves standard error away for a moment. */
static void stats_go_to_standard_error(void)
{
    char text[4096];
    ssize_t length;
    int kept = dup(STDERR_FILENO);
    int file = memfd_create("stats", 0);
    CHECK_GE_INT(file, 0);
    fflush(stderr);
    dup2(file, STDERR_FILENO);
    malloc_stats();
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    length = pread(file, text, sizeof text - 1, 0);
    CHECK_GE_INT(length, 40);
    text[length] = '\0';
    CHECK_NOT_NULL(strpbrk(text, "0123456789"));
    close(file);
    close(kept);
}

void api_test(int alone)
{
    for (int round = 0; round < 200; round++)
        sums_agree();
    info_is_xml();
    if (alone && api_has_no_options()) {
        follows_blocks();
        counts_mapped_blocks();
        has_no_fast_bins();
        /* With some options it is that which the process began with, and stays. */
        stats_go_to_standard_error();
    }
    if (alone)
        the_old_structure_agrees();
}
