/* SPDX-License-Identifier: MIT
 *
 * free keeps errno, whatever the kernel answers underneath.
 */
#include "api.h"

#include <sys/mman.h>

static void kept_by_free(void)
{
    size_t sizes[API_ROOM];
    size_t count = api_sizes(sizes, 64 * MIB);
    for (size_t i = 0; i < count; i++) {
        void *block = malloc(sizes[i]);
        check_note("size", sizes[i]);
        CHECK_NOT_NULL(block);
        errno = EDOM;
        free(block);
        CHECK_EQ_INT(errno, EDOM);
        block = memalign(8192, sizes[i]);
        CHECK_NOT_NULL(block);
        errno = 0;
        free(block);
        CHECK_EQ_INT(errno, 0);
    }
    errno = ERANGE;
    free(NULL);
    CHECK_EQ_INT(errno, ERANGE);
}

/* Frees that trim the heap's end, coalesce and flush caches. */
static void kept_by_many_frees(void)
{
    enum { count = 3000 };
    static const size_t sizes[] = {16, 500, 5000, 40000};
    for (size_t i = 0; i < 4; i++) {
        void **blocks = malloc(count * sizeof *blocks);
        check_note("size", sizes[i]);
        for (size_t j = 0; j < count; j++) {
            blocks[j] = malloc(sizes[i]);
            CHECK_NOT_NULL(blocks[j]);
        }
        errno = ENOTTY;
        for (size_t j = count; j-- > 0;)
            free(blocks[j]);
        CHECK_EQ_INT(errno, ENOTTY);
        free(blocks);
        CHECK_EQ_INT(errno, ENOTTY);
    }
}

/* Locked pages make madvise(MADV_DONTNEED) fail with EINVAL. */
static void kept_when_pages_are_locked(int alone)
{
    enum { count = 64, size = 60000 };
    void *blocks[count];
    if (!alone || mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        return;
    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(size);
        CHECK_NOT_NULL(blocks[i]);
    }
    errno = EXDEV;
    for (size_t i = 0; i < count; i++)
        free(blocks[(i * 7) % count]);
    malloc_trim(0);
    for (size_t i = 0; i < count; i++)
        blocks[i] = malloc(size);
    errno = EXDEV;
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
    CHECK_EQ_INT(errno, EXDEV);
    CHECK_EQ_INT(munlockall(), 0);
}

void api_test(int alone)
{
    kept_by_free();
    kept_by_many_frees();
    kept_when_pages_are_locked(alone);
}
