// SPDX-License-Identifier: MIT
//
// Objects with static storage allocate in their constructors, before main, and free and allocate in
// their destructors, after it.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <string>

#include "../support/check_eq.h"
#include "../support/door.h"

static int report_to = -1;

struct Table {
    std::map<int, std::string> entries;
    Table()
    {
        for (int i = 0; i < 2000; i++)
            entries[i] = std::string(static_cast<size_t>(i % 97), 't');
    }
    ~Table()
    {
        CHECK_EQ_UINT(entries.size(), 2000);
        CHECK_EQ_UINT(entries[96].size(), 96);
        for (int i = 0; i < 1000; i++)
            entries.erase(i);
        entries[-1] = std::string(100000, 'x');
        if (report_to >= 0)
            CHECK_EQ_INT(write(report_to, "d", 1), 1);
    }
};

static Table first;
__attribute__((init_priority(200))) static Table second;

int main(int argc, char **argv)
{
    door_require(argc, argv);
    int ends[2];
    char letters[8] = "";
    CHECK_EQ_INT(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        static Table inside_main;
        report_to = ends[1];
        std::exit(inside_main.entries.size() == 2000 ? 0 : 1);
    }
    CHECK_CHILD(child);
    close(ends[1]);
    CHECK_EQ_INT(read(ends[0], letters, sizeof letters - 1), 3);
    CHECK_EQ_STR(letters, "ddd");
    CHECK_EQ_UINT(first.entries.size() + second.entries.size(), 4000);
    return door_done();
}
