// SPDX-License-Identifier: MIT
//
// Destructors of thread_local objects, and thread-specific data behind them, free and allocate
// while the thread ends.
#include <pthread.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

static std::atomic<int> destroyed;
static pthread_key_t key;

struct Keeper {
    std::vector<std::unique_ptr<std::string>> strings;
    void fill()
    {
        for (size_t i = 0; i < 50; i++)
            strings.push_back(std::make_unique<std::string>(i * 40, 'k'));
    }
    ~Keeper()
    {
        for (const auto &string : strings)
            CHECK_TRUE(string->empty() || string->back() == 'k');
        strings.clear();
        fill();
        CHECK_EQ_INT(pthread_setspecific(key, new std::string(500, 's')), 0);
        destroyed++;
    }
};

static thread_local Keeper keeper;

static void drop(void *value)
{
    std::unique_ptr<std::string> string(static_cast<std::string *>(value));
    CHECK_EQ_UINT(string->size(), 500);
    std::vector<std::string> more(20, *string);
    CHECK_EQ_UINT(more.back().size(), 500);
}

static void run_threads(int count)
{
    for (int i = 0; i < count; i++) {
        std::thread first([] { keeper.fill(); });
        std::thread second([] { keeper.fill(); });
        first.join();
        second.join();
    }
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    CHECK_EQ_INT(pthread_key_create(&key, drop), 0);
    run_threads(100);
    size_t before = resident_bytes();
    run_threads(1000);
    CHECK_EQ_INT(destroyed.load(), 2200);
    CHECK_LE_UINT(resident_bytes(), before + (16u << 20));
    return door_done();
}
