// SPDX-License-Identifier: MIT
// Asks for memory through the C++ library only, and names no function of brkmalloc.
#include <cstdio>
#include <string>
#include <vector>

int main()
{
    std::vector<std::string> words(1000, "a string that is too long for its own object");
    std::printf("%zu\n", words.size());
}
