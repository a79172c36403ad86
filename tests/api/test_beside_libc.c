/* SPDX-License-Identifier: MIT
 *
 * The prefixed library beside libc's malloc: both grow with sbrk, and neither touches what the
 * other owns.
 */
#include "api.h"

#undef malloc
#undef free

struct pair {
    void *own;
    void *libc;
    size_t size;
};

void api_test(int alone)
{
    enum { count = 256 };
    struct pair pairs[count] = {{NULL, NULL, 0}};
    unsigned state = 9;
    (void)alone;
    for (int step = 0; step < 10000; step++) {
        unsigned slot = api_random(&state) % count;
        struct pair *pair = &pairs[slot];
        CHECK_TRUE(api_matches(pair->own, pair->size, slot));
        CHECK_TRUE(api_matches(pair->libc, pair->size, slot + 1));
        brkm_free(pair->own);
        free(pair->libc);
        pair->size = (size_t)1 << (api_random(&state) % 16);
        pair->size += api_random(&state) % pair->size;
        pair->own = brkm_malloc(pair->size);
        pair->libc = malloc(pair->size);
        CHECK_NOT_NULL(pair->own);
        CHECK_NOT_NULL(pair->libc);
        api_fill(pair->own, pair->size, slot);
        api_fill(pair->libc, pair->size, slot + 1);
    }
    for (unsigned i = 0; i < count; i++) {
        CHECK_TRUE(api_matches(pairs[i].own, pairs[i].size, i));
        CHECK_TRUE(api_matches(pairs[i].libc, pairs[i].size, i + 1));
        brkm_free(pairs[i].own);
        free(pairs[i].libc);
    }
    CHECK_EQ_INT(brkm_check_heap(), 0);
}
