// SPDX-License-Identifier: MIT
// See known.h.
#include "known.h"

#include <new>

namespace known
{
template <typename T> struct table {
    __attribute__((noinline)) void insert(const T &numbers)
    {
        known_sample(&numbers); // LINE insert
        __asm__ volatile("");
    }
};

struct counted {
    __attribute__((noinline)) static void *operator new(decltype(sizeof(0)) size);
    static void operator delete(void *)
    {
    }
};

__attribute__((noinline)) void *counted::operator new(decltype(sizeof(0)))
{
    static char place[16];
    static const known_numbers numbers = {{6, 60, 6, 60, 6, 60}};
    known_sample(&numbers);
    __asm__ volatile("");
    return place;
}
} // namespace known

void known_cxx(void)
{
    known::table<known_numbers> table;
    table.insert(known_numbers{{3, 300, 3, 300, 3, 300}});
    auto lambda = [](unsigned long blocks) __attribute__((noinline))
    {
        known_numbers numbers = {{blocks, 40, 4, 40, 4, 40}};
        known_sample(&numbers);
        __asm__ volatile("");
    };
    lambda(4);
    delete new known::counted;
}
