// SPDX-License-Identifier: MIT
//
// The public header in C++: every function declared, none throws, all can be called.
#include <brkmalloc/brkmalloc.h>

#include <cstring>

#include "../support/check_eq.h"

static_assert(noexcept(brkm_malloc(1)), "brkm_malloc does not throw");
static_assert(noexcept(brkm_free(nullptr)), "brkm_free does not throw");
static_assert(noexcept(brkm_mallinfo2()), "brkm_mallinfo2 does not throw");

static void allocate_and_free()
{
    void *blocks[] = {brkm_malloc(10),
                      brkm_calloc(3, 7),
                      brkm_realloc(nullptr, 20),
                      brkm_reallocarray(nullptr, 4, 5),
                      brkm_aligned_alloc(64, 9),
                      brkm_memalign(128, 9),
                      brkm_valloc(1),
                      brkm_pvalloc(1)};
    const std::size_t sizes[] = {10, 21, 20, 20, 9, 9, 1, 4096};
    const std::size_t *size = sizes;
    for (void *block : blocks) {
        CHECK_NOT_NULL(block);
        CHECK_GE_UINT(brkm_malloc_usable_size(block), *size);
        std::memset(block, 1, *size++);
        brkm_free(block);
    }
    void *aligned = nullptr;
    CHECK_EQ_INT(brkm_posix_memalign(&aligned, 256, 100), 0);
    brkm_free(aligned);
    brkm_free_sized(brkm_malloc(30), 30);
    brkm_free_aligned_sized(brkm_aligned_alloc(32, 30), 32, 30);
    brkm_cfree(brkm_malloc(1));
}

int main()
{
    allocate_and_free();
    struct brkm_mallinfo2 wide = brkm_mallinfo2();
    struct brkm_mallinfo narrow = brkm_mallinfo();
    CHECK_EQ_UINT(wide.arena, static_cast<unsigned>(narrow.arena));
    CHECK_EQ_INT(brkm_mallopt(-2, 0), 1);
    brkm_malloc_trim(0);
    CHECK_EQ_INT(brkm_malloc_trim(0), 0);
    CHECK_EQ_INT(brkm_malloc_info(0, stdout), 0);
    brkm_malloc_stats();
    CHECK_EQ_INT(brkm_check_heap(), 0);
    CHECK_NOT_NULL(brkm_version());
    return check_done();
}
