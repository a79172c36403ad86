/* SPDX-License-Identifier: MIT
 * See target.h. */
#include "target.h"

#ifdef FUZZ_RESET
#include <stdlib.h>
#include <string.h>

#include "cache/thread_cache.h"
#include "kit/lock.h"

/* The variables of the allocator; CMakeLists.txt has them in sections of their own, whose bounds
 * the linker tells. */
extern char __start_brkm_data[], __stop_brkm_data[];
extern char __start_brkm_bss[], __stop_brkm_bss[];

static char *data_at_start, *bss_at_start;
static struct thread_cache *cache_at_start;

/* Word by word and volatile, since the sanitizers guard the gaps between variables. */
__attribute__((no_sanitize("address"))) static void copy(char *to, const char *from, size_t size)
{
    for (size_t i = 0; i < size; i += sizeof(long)) {
        *(volatile long *)(void *)(to + i) = *(const long *)(const void *)(from + i);
    }
}

static size_t whole_words(const char *start, const char *end)
{
    return ((size_t)(end - start) + sizeof(long) - 1) / sizeof(long) * sizeof(long);
}

static char *saved(const char *start, size_t size)
{
    char *memory = malloc(size);
    if (memory == NULL) {
        abort();
    }
    copy(memory, start, size);
    return memory;
}

void target_begin(void)
{
    size_t data = whole_words(__start_brkm_data, __stop_brkm_data);
    size_t bss = whole_words(__start_brkm_bss, __stop_brkm_bss);
    if (data_at_start == NULL) {
        data_at_start = saved(__start_brkm_data, data);
        bss_at_start = saved(__start_brkm_bss, bss);
        cache_at_start = brkm__thread_cache;
        return;
    }
    copy(__start_brkm_data, data_at_start, data);
    copy(__start_brkm_bss, bss_at_start, bss);
    brkm__thread_cache = cache_at_start;
    brkm__lock_holds_all = false;
}
#else
void target_begin(void)
{
}
#endif
