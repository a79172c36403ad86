# SPDX-License-Identifier: MIT
# Builds one test program for several doors into the allocator, and registers it for each.
#
#   brkm_door_program(NAME [SOURCES file...] [SHARED file...] DOORS door... [LIBRARIES ...] [DEFINITIONS ...])
#     one executable per door, named NAME_DOOR. What is SHARED with other programs is compiled once for all
#     doors of a kind: without the program's DEFINITIONS
#   brkm_door_case(TEST PROGRAM DOORS door... [ARGS ...] [TIMEOUT seconds] [LABELS ...])
#     runs PROGRAM_DOOR with the name of its door and ARGS as TEST.DOOR
#
# Doors:
#   preload     libbrkmalloc.so in LD_PRELOAD
#   linked      linked with libbrkmalloc.so
#   static      -static with brkmalloc.o
#   static-pie  -static-pie with brkmalloc.o, where the tool chain can
#   archive     -static with libbrkmalloc.a
#   prefixed    linked with libbrkmalloc-prefixed.a
include_guard(DIRECTORY)
include(CheckCSourceCompiles)

find_package(Threads REQUIRED)

set(brkm_support_dir ${CMAKE_CURRENT_LIST_DIR})
set(brkm_static_doors static archive)

set(CMAKE_REQUIRED_FLAGS -fPIE)
set(CMAKE_REQUIRED_LINK_OPTIONS -static-pie)
check_c_source_compiles("int main(void) { return 0; }" BRKM_HAVE_STATIC_PIE)
unset(CMAKE_REQUIRED_FLAGS)
unset(CMAKE_REQUIRED_LINK_OPTIONS)
if(BRKM_HAVE_STATIC_PIE)
  list(APPEND brkm_static_doors static-pie)
endif()

# The doors of `wanted` that this build has.
function(brkm_available_doors result)
  set(available ${ARGN})
  if(NOT BRKM_INTERPOSE)
    list(REMOVE_ITEM available preload linked static static-pie archive)
  elseif(NOT BRKM_HAVE_STATIC_PIE)
    list(REMOVE_ITEM available static-pie)
  endif()
  set(${result} ${available} PARENT_SCOPE)
endfunction()

# How tests are compiled for a door. -fno-builtin, because a compiler may drop a malloc whose block only
# meets free. The impossible sizes are meant.
function(brkm_compile_for_door target door)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/include)
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  if(CMAKE_CXX_COMPILER)
    target_compile_features(${target} PRIVATE cxx_std_17)
  endif()
  target_compile_options(${target} PRIVATE -fno-builtin -Wno-deprecated-declarations
    $<$<C_COMPILER_ID:GNU>:-Wno-alloc-size-larger-than>
    $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-fsized-deallocation>)
  if(BRKM_SANITIZE)
    target_compile_definitions(${target} PRIVATE BRKM_SANITIZED)
  endif()
  if(door IN_LIST brkm_static_doors)
    target_compile_definitions(${target} PRIVATE DOOR_STATIC)
  elseif(door STREQUAL "prefixed")
    target_compile_definitions(${target} PRIVATE API_PREFIXED)
  endif()
  target_link_libraries(${target} PRIVATE brkm_flags Threads::Threads)
endfunction()

function(brkm_link_door target door)
  if(door IN_LIST brkm_static_doors)
    add_dependencies(${target} brkmalloc_static)
    if(door STREQUAL "archive")
      target_link_libraries(${target} PRIVATE brkmalloc_static)
    else()
      target_link_libraries(${target} PRIVATE ${PROJECT_BINARY_DIR}/brkmalloc.o)
    endif()
    if(door STREQUAL "static-pie")
      target_compile_options(${target} PRIVATE -fPIE)
      target_link_options(${target} PRIVATE -static-pie)
    else()
      target_link_options(${target} PRIVATE -static)
    endif()
  elseif(door STREQUAL "linked")
    target_link_libraries(${target} PRIVATE brkmalloc_shared)
  elseif(door STREQUAL "prefixed")
    target_link_libraries(${target} PRIVATE brkmalloc_prefixed)
  elseif(door STREQUAL "preload")
    add_dependencies(${target} brkmalloc_shared)
  endif()
endfunction()

# brkm_door_objects(RESULT DOOR FILE...): the objects of files that several programs of such a door have.
function(brkm_door_objects result door)
  set(kind dynamic)
  if(door IN_LIST brkm_static_doors)
    set(kind static)
  elseif(door STREQUAL "prefixed")
    set(kind prefixed)
  endif()
  set(objects "")
  foreach(file IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH file NORMALIZE)
    cmake_path(RELATIVE_PATH file BASE_DIRECTORY ${PROJECT_SOURCE_DIR}/tests OUTPUT_VARIABLE name)
    string(REGEX REPLACE "[^A-Za-z0-9]" "_" name ${name})
    if(NOT TARGET tests_${kind}_${name})
      add_library(tests_${kind}_${name} OBJECT ${file})
      brkm_compile_for_door(tests_${kind}_${name} ${door})
      # For static-pie, too.
      target_compile_options(tests_${kind}_${name} PRIVATE -fPIE)
    endif()
    list(APPEND objects $<TARGET_OBJECTS:tests_${kind}_${name}>)
  endforeach()
  set(${result} ${objects} PARENT_SCOPE)
endfunction()

function(brkm_door_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;SHARED;DOORS;LIBRARIES;DEFINITIONS")
  brkm_available_doors(doors ${arg_DOORS})
  foreach(door IN LISTS doors)
    set(target ${name}_${door})
    brkm_door_objects(objects ${door} ${arg_SHARED} ${brkm_support_dir}/check_eq.c
      ${brkm_support_dir}/door.c)
    add_executable(${target} ${arg_SOURCES} ${objects})
    if(NOT arg_SOURCES)
      set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
    endif()
    brkm_compile_for_door(${target} ${door})
    target_compile_definitions(${target} PRIVATE ${arg_DEFINITIONS})
    brkm_link_door(${target} ${door})
    target_link_libraries(${target} PRIVATE ${CMAKE_DL_LIBS} ${arg_LIBRARIES})
  endforeach()
endfunction()

# OPTIONS: for the variable BRKMALLOC.
function(brkm_door_case test program)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "TIMEOUT;OPTIONS" "DOORS;ARGS;LABELS")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  brkm_available_doors(doors ${arg_DOORS})
  foreach(door IN LISTS doors)
    # The program only tells static from not static.
    set(told ${door})
    if(door IN_LIST brkm_static_doors)
      set(told static)
    endif()
    add_test(NAME ${test}.${door} COMMAND ${program}_${door} ${told} ${arg_ARGS})
    set_tests_properties(${test}.${door} PROPERTIES TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77
      LABELS "${arg_LABELS}")
    set(environment "")
    if(door STREQUAL "preload")
      list(APPEND environment "LD_PRELOAD=${brkm_preloaded}")
    endif()
    if(arg_OPTIONS)
      list(APPEND environment "BRKMALLOC=${arg_OPTIONS}")
    endif()
    set_tests_properties(${test}.${door} PROPERTIES ENVIRONMENT "${environment}")
  endforeach()
endfunction()
