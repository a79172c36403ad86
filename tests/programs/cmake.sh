#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: cmake:cmake make:make gcc:gcc
# Serves: cmake make *gcc* ctest
# Runs: configures, builds and tests a project of 22 sources
set -eu
mkdir src
cat >src/CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.10)
project(sample VERSION 1.2.3 LANGUAGES C)
include(CTest)
find_package(Threads REQUIRED)
set(sources)
foreach(i RANGE 1 20)
  file(WRITE ${CMAKE_BINARY_DIR}/part${i}.c "int part${i}(void) { return ${i}; }\n")
  list(APPEND sources ${CMAKE_BINARY_DIR}/part${i}.c)
  string(APPEND calls " + part${i}()")
  string(APPEND declarations "int part${i}(void);\n")
endforeach()
add_library(parts STATIC ${sources})
add_library(shared SHARED shared.c)
configure_file(main.c.in main.c @ONLY)
add_executable(sample ${CMAKE_BINARY_DIR}/main.c)
target_link_libraries(sample PRIVATE parts shared Threads::Threads)
add_custom_command(OUTPUT made.txt COMMAND sample > made.txt DEPENDS sample)
add_custom_target(made ALL DEPENDS made.txt)
add_test(NAME runs COMMAND sample)
add_test(NAME fails COMMAND ${CMAKE_COMMAND} -E false)
set_tests_properties(fails PROPERTIES WILL_FAIL ON)
install(TARGETS sample shared)
set(all)
foreach(i RANGE 1 5000)
  math(EXPR n "${i} * 7919 % 1009")
  list(APPEND all ${n})
endforeach()
list(SORT all)
list(REMOVE_DUPLICATES all)
list(LENGTH all count)
string(SHA256 sum "${all}")
string(REGEX REPLACE "([0-9])1" "\\1<one>" changed "${all}")
string(MD5 changed_sum "${changed}")
message(STATUS "computed ${count} ${sum} ${changed_sum}")
CMAKE
cat >src/main.c.in <<'C'
#include <stdio.h>
@declarations@
int shared(void);
int main(void)
{
    printf("@PROJECT_VERSION@ %d %d\n", shared(), 0@calls@);
    return 0;
}
C
echo 'int shared(void) { return 99; }' >src/shared.c
cmake -S src -B build -G 'Unix Makefiles' -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Release >log
grep computed log
cmake --build build -j 2 >build.log
grep -c Building build.log
cat build/made.txt
(cd build && ctest -j 2 | grep 'tests passed')
cmake --install build --prefix "$PWD/installed" >/dev/null
find installed -type f | sort
cmake --build build 2>&1 | grep -c 'Built target'
cmake -E tar cf archive.tar build/made.txt
cmake -E tar tf archive.tar
printf 'message(FATAL_ERROR "on purpose")\n' >wrong.cmake
cmake -P wrong.cmake 2>&1 || echo "status $?"
if command -v ninja >/dev/null; then
    cmake -S src -B ninja -G Ninja >/dev/null
    cmake --build ninja -j 2 | tail -n 1
    ninja -C ninja -t clean
fi
