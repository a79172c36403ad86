// SPDX-License-Identifier: MIT
//
// All forms of new and delete come from malloc, and the impossible ends in bad_alloc or, for
// nothrow, in a null pointer, after the new handler was asked.
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "../support/check_eq.h"
#include "../support/door.h"

extern "C" size_t malloc_usable_size(void *memory) noexcept;

// Kept from the compiler, which would refuse or drop such a call.
static volatile std::size_t impossible = PTRDIFF_MAX - 100;
static void *volatile sink;
static int handler_calls;
static std::align_val_t aligned(std::size_t alignment)
{
    return static_cast<std::align_val_t>(alignment);
}

static void check_block(void *block, std::size_t size, std::size_t alignment)
{
    CHECK_NOT_NULL(block);
    CHECK_EQ_UINT(reinterpret_cast<std::uintptr_t>(block) % alignment, 0);
    CHECK_GE_UINT(malloc_usable_size(block), size);
    std::memset(block, 1, size);
}

static void plain_forms()
{
    for (std::size_t size = 0; size < 3000000; size = size * 3 + 1) {
        void *block = ::operator new(size);
        check_block(block, size, 16);
        ::operator delete(block);
        block = ::operator new[](size);
        check_block(block, size, 16);
        ::operator delete[](block);
        block = ::operator new(size);
        ::operator delete(block, size);
        block = ::operator new[](size);
        ::operator delete[](block, size);
        block = ::operator new(size, std::nothrow);
        check_block(block, size, 16);
        ::operator delete(block, std::nothrow);
        block = ::operator new[](size, std::nothrow);
        check_block(block, size, 16);
        ::operator delete[](block, std::nothrow);
    }
    ::operator delete(nullptr);
}

static void aligned_forms()
{
    for (std::size_t alignment = 8; alignment <= 65536; alignment *= 4) {
        std::size_t size = alignment * 3;
        void *block = ::operator new(size, aligned(alignment));
        check_block(block, size, alignment);
        ::operator delete(block, aligned(alignment));
        block = ::operator new[](size, aligned(alignment));
        check_block(block, size, alignment);
        ::operator delete[](block, size, aligned(alignment));
        block = ::operator new(size, aligned(alignment), std::nothrow);
        check_block(block, size, alignment);
        ::operator delete(block, size, aligned(alignment));
        block = ::operator new[](size, aligned(alignment), std::nothrow);
        check_block(block, size, alignment);
        ::operator delete[](block, aligned(alignment), std::nothrow);
    }
}

template <class Call> static bool throws_bad_alloc(Call call)
{
    try {
        call();
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

static void refusals()
{
    CHECK_TRUE(throws_bad_alloc([] { sink = ::operator new(impossible); }));
    CHECK_TRUE(throws_bad_alloc([] { sink = ::operator new[](impossible); }));
    CHECK_TRUE(throws_bad_alloc([] { sink = ::operator new(impossible, aligned(64)); }));
    CHECK_TRUE(
        throws_bad_alloc([] { sink = ::operator new(SIZE_MAX - (PTRDIFF_MAX - impossible)); }));
    CHECK_TRUE(throws_bad_alloc([] { std::string text(impossible / 2, 'x'); }));
    CHECK_TRUE(throws_bad_alloc([] { std::vector<char> bytes(impossible); }));
    CHECK_EQ_PTR(::operator new(impossible, std::nothrow), nullptr);
    CHECK_EQ_PTR(::operator new[](impossible, std::nothrow), nullptr);
    CHECK_EQ_PTR(::operator new(impossible, aligned(64), std::nothrow), nullptr);
}

// Gives up on the third call.
static void handler()
{
    if (++handler_calls == 3)
        std::set_new_handler(nullptr);
}

static void asks_the_handler()
{
    handler_calls = 0;
    std::set_new_handler(handler);
    CHECK_TRUE(throws_bad_alloc([] { sink = ::operator new(impossible); }));
    CHECK_EQ_INT(handler_calls, 3);
    handler_calls = 0;
    std::set_new_handler(handler);
    CHECK_EQ_PTR(::operator new(impossible, aligned(128), std::nothrow), nullptr);
    CHECK_EQ_INT(handler_calls, 3);
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    for (int round = 0; round < 20; round++) {
        plain_forms();
        aligned_forms();
        refusals();
        asks_the_handler();
    }
    return door_done();
}
