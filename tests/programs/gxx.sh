#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: g++:g++
# Serves: *g++* cc1plus *as *ld* made
# Runs: compiles and runs C++ with exceptions, templates, containers and aligned types
set -eu
cat >main.cpp <<'CPP'
#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <iomanip>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

struct alignas(256) Wide {
    double values[32];
};

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};
template <int N> struct Polygon : Shape {
    std::string name = "polygon " + std::to_string(N);
    double area() const override { return N * 1.5 + static_cast<double>(name.size()); }
};

static long deep(int level)
{
    std::vector<std::string> local(static_cast<size_t>(level % 10), std::string(100, 'x'));
    if (level == 0)
        throw std::runtime_error("bottom of " + std::string(500, '.'));
    try {
        return deep(level - 1) + static_cast<long>(local.size());
    } catch (const std::runtime_error &error) {
        if (level % 7 == 0)
            throw std::logic_error(std::string(error.what()).substr(0, 20));
        throw;
    } catch (const std::logic_error &error) {
        if (level % 5 == 0)
            return static_cast<long>(local.size());
        throw;
    }
}

static size_t churn(int number)
{
    std::map<std::string, std::list<int>> table;
    for (int i = 0; i < 30000; i++)
        table["key" + std::to_string(i * 7919 % 4099 + number)].push_back(i);
    for (auto it = table.begin(); it != table.end();)
        it = it->second.size() % 2 ? table.erase(it) : std::next(it);
    size_t sum = 0;
    for (auto &[key, list] : table)
        sum += key.size() * list.size();
    return sum;
}

int main()
{
    std::vector<std::thread> threads;
    std::vector<size_t> sums(6);
    for (int i = 0; i < 6; i++)
        threads.emplace_back([&sums, i] { sums[static_cast<size_t>(i)] = churn(i); });
    for (auto &thread : threads)
        thread.join();
    for (size_t sum : sums)
        std::cout << sum << ' ';
    std::cout << '\n' << deep(100) << '\n';

    auto future = std::async(std::launch::async, churn, 3);
    std::cout << future.get() << '\n';

    std::vector<std::shared_ptr<Shape>> shapes;
    for (int i = 0; i < 5000; i++)
        shapes.push_back(i % 2 ? std::shared_ptr<Shape>(new Polygon<3>)
                               : std::make_shared<Polygon<4>>());
    std::sort(shapes.begin(), shapes.end(), [](auto &a, auto &b) { return a->area() < b->area(); });
    std::cout << std::fixed << std::setprecision(3) << shapes[0]->area() << '\n';

    bool aligned = true;
    std::vector<std::unique_ptr<Wide>> wides;
    for (int i = 0; i < 500; i++) {
        wides.push_back(std::make_unique<Wide>());
        aligned &= reinterpret_cast<size_t>(wides.back().get()) % 256 == 0;
    }
    std::cout << "aligned " << aligned << '\n';
    volatile size_t impossible = ~size_t{0} / 4;
    try {
        delete[] new char[impossible];
        std::cout << "no exception\n";
    } catch (const std::bad_alloc &error) {
        std::cout << error.what() << '\n';
    }
    std::cout << (new (std::nothrow) char[impossible] == nullptr) << '\n';

    std::ostringstream text;
    for (int i = 0; i < 20000; i++)
        text << "item " << i << (i % 10 ? ' ' : '\n');
    std::istringstream back(text.str());
    std::unordered_map<std::string, int> words;
    for (std::string word; back >> word;)
        words[word]++;
    std::cout << words.size() << ' ' << words["item"] << '\n';
    std::string line = text.str().substr(0, 300);
    std::cout << std::regex_replace(line, std::regex("item ([0-9]+)"), "<$1>") << '\n';
    return 0;
}
CPP
g++ -std=c++17 -g -c main.cpp
sha256sum main.o
g++ -std=c++17 -pthread -o made main.o
./made
g++ -std=c++17 -g -static-libstdc++ -static-libgcc -pthread -o made main.o
./made
printf '#include <vector>\nint main() { std::vector<int> v; v.nothing(); }\n' >wrong.cpp
g++ -fmax-errors=1 -c wrong.cpp 2>&1 || echo "status $?"
