// SPDX-License-Identifier: MIT
// C++ needs nothing of its own: new and delete of the standard library allocate with malloc.
#include <brkmalloc/brkmalloc.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace
{
struct alignas(256) Aligned {
    char bytes[256];
};

std::size_t in_use()
{
    return brkm_mallinfo2().uordblks;
}

void containers()
{
    std::size_t before = in_use();
    std::vector<int> numbers(25000, 1);
    std::printf("a vector of %zu bytes took %zu\n", numbers.size() * sizeof(int),
                in_use() - before);
    std::map<std::string, int> words;
    for (int i = 0; i < 1000; i++) {
        words["a key that is too long for the string itself, number " + std::to_string(i)] = i;
    }
    std::printf("a map of %zu strings took %zu\n", words.size(), in_use() - before);
}

void aligned()
{
    auto object = std::make_unique<Aligned>();
    std::printf("new of a type aligned to 256: %s\n",
                reinterpret_cast<std::uintptr_t>(object.get()) % 256 == 0 ? "aligned" : "NOT");
}

void out_of_memory()
{
    try {
        volatile std::size_t too_much = PTRDIFF_MAX;
        ::operator delete(::operator new(too_much));
        std::puts("new of 8 EiB gave memory");
    } catch (const std::bad_alloc &) {
        std::puts("new of 8 EiB throws std::bad_alloc");
    }
}
} // namespace

int main()
{
    std::size_t before = in_use();
    containers();
    aligned();
    out_of_memory();
    std::printf("left at the end: %zu bytes\n", in_use() - before);
}
