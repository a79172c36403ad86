# SPDX-License-Identifier: MIT
# The doors: what is built from src/ for users.
#   libbrkmalloc.so                  takes over malloc: for LD_PRELOAD, or -lbrkmalloc
#   brkmalloc.o, libbrkmalloc.a      the same as one relocatable object, for static linking
#   libbrkmalloc-prefixed.{so,a}     brkm_ names only, for use beside libc's malloc
# The targets brkmalloc::{shared,static,object,prefixed,prefixed_shared} stand for them here as they do
# in the installed package, see brkmalloc-config.cmake.in.

# The rooms of src/ from the ground up, see docs/design.md. What replaces the system for tests, and
# what takes over names of libc, stand apart below.
set(core_sources
  kit/alarm.c kit/backtrace.c kit/footprint.c kit/huge_pages.c kit/image.c kit/lock.c kit/options.c
  kit/options_read.c kit/options_tell.c kit/options_value.c kit/outside.c kit/own_memory.c kit/proc_maps.c kit/report.c kit/secret.c kit/text.c kit/where.c kit/wiped.c
  heap/bins.c heap/block.c heap/chunks.c heap/find.c heap/free_space.c heap/heap.c heap/heaps.c heap/mapped.c heap/purge.c
  heap/regions.c heap/rows.c heap/spare.c heap/sealed_list.c heap/top.c heap/walk.c
  cache/cache_bin.c cache/cache_budget.c cache/cache_life.c cache/cache_miss.c cache/cache_registry.c cache/medium.c
  cache/depot.c cache/home.c cache/idle.c cache/supply.c cache/thread_cache.c
  malloc/foreign.c malloc/malloc.c malloc/perturb.c malloc/place.c malloc/realloc.c malloc/verify.c
  malloc/watcher.c
  process/locks.c process/options_apply.c process/process.c)
if(BRKM_BARE_FORK)
  list(APPEND core_sources process/bare_fork.c)
endif()
if(BRKM_KERNEL)
  list(APPEND core_sources kernel/cache.c kernel/debug.c kernel/failslab.c kernel/figures.c kernel/gfp.c kernel/kmalloc.c
    kernel/life.c kernel/mempool.c kernel/note.c kernel/outside.c kernel/page_alloc.c kernel/page_map.c kernel/pages.c kernel/reserve.c
    kernel/sheaf.c kernel/shrink.c kernel/slab.c kernel/spin.c kernel/thread.c kernel/vmalloc.c)
endif()
if(BRKM_GUARD)
  list(APPEND core_sources guard/canary.c guard/explain.c guard/guarded.c guard/hardened.c
    guard/quarantine.c guard/zero_size.c)
endif()
if(BRKM_PROFILE)
  list(APPEND core_sources profile/control.c profile/frame.c profile/leaks.c profile/objects.c profile/recorder.c
    profile/records.c profile/sampling.c profile/write.c)
endif()
if(BRKM_STATS)
  list(APPEND core_sources stats/check.c stats/columns.c stats/explain_memory.c stats/heap_areas.c stats/heap_map.c stats/heap_map_write.c stats/json.c stats/malloc_info.c stats/metrics.c
    stats/ahead.c stats/kept.c stats/move_hint.c stats/print.c stats/resident.c stats/shares.c stats/site_parts.c stats/slices.c stats/stats.c stats/table.c)
endif()
if(BRKM_SERVICE)
  list(APPEND core_sources service/decay.c service/profile_term.c service/requests.c service/socket.c service/thread.c)
endif()
list(TRANSFORM core_sources PREPEND ${PROJECT_SOURCE_DIR}/src/)

# The way of a request for a stack (src/kit/backtrace.h), through which frame pointers must lead.
foreach(file guard/guarded guard/hardened kit/backtrace kit/report kit/where malloc/interpose
    malloc/malloc malloc/realloc malloc/watcher profile/recorder profile/records)
  set_source_files_properties(${PROJECT_SOURCE_DIR}/src/${file}.c PROPERTIES
    COMPILE_OPTIONS "-fno-omit-frame-pointer;-momit-leaf-frame-pointer")
endforeach()

# libgcc's unwinder becomes a part of each library, with no name that others see, so that programs need
# nothing more on their link lines. One that would wait for the loader's lock is left out.
set(unwinder)
set(shared_unwinder)
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libgcc_eh.a
  OUTPUT_VARIABLE libgcc_eh OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(EXISTS "${libgcc_eh}")
  execute_process(COMMAND ${CMAKE_NM} ${libgcc_eh} OUTPUT_VARIABLE libgcc_eh_symbols ERROR_QUIET)
  if(libgcc_eh_symbols MATCHES "U _dl_find_object")
    set(unwinder ${libgcc_eh})
    # The shared library asks first whether there is such a function: in a program of musl there is none.
    set(shared_unwinder ${PROJECT_BINARY_DIR}/libgcc_eh_weak.a)
    execute_process(COMMAND ${CMAKE_OBJCOPY} --weaken-symbol=_dl_find_object ${libgcc_eh}
      ${shared_unwinder} COMMAND_ERROR_IS_FATAL ANY)
  endif()
endif()

# What the sources, and the tests that look inside, are told of the build.
set(brkm_definitions BRKM_CHECKED=${BRKM_CHECKED})
foreach(option VALGRIND BARE_FORK GUARD PROFILE STATS SERVICE KERNEL)
  list(APPEND brkm_definitions BRKM_${option}=$<BOOL:${BRKM_${option}}>)
endforeach()

function(brkm_compile_objects target)
  add_library(${target} OBJECT ${ARGN})
  target_include_directories(${target}
    PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PRIVATE brkm_flags)
  target_compile_definitions(${target} PRIVATE
    ${brkm_definitions} BRKM_PROBES=${brkm_probes} BRKM_UNWINDER=$<BOOL:${unwinder}>)
  # No builtins: gcc would turn malloc + memset inside calloc into a call of calloc.
  target_compile_options(${target} PRIVATE
    -fvisibility=hidden -ftls-model=initial-exec -fno-builtin-malloc -fno-builtin-calloc
    -fno-builtin-realloc -fno-builtin-free)
  # Within another project, whose build type may say nothing of optimisation.
  if(NOT PROJECT_IS_TOP_LEVEL)
    target_compile_options(${target} PRIVATE $<$<NOT:$<CONFIG:Debug,MinSizeRel>>:-O3>)
  endif()
  # What users get is the same whatever folder it is built in. The last prefix that fits counts.
  target_compile_options(${target} PRIVATE $<$<NOT:$<CONFIG:Debug>>:
    -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -ffile-prefix-map=${PROJECT_BINARY_DIR}=.>)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
endfunction()

# The functions under the prefix brkm_; the system layer stands apart, so that tests can replace it.
brkm_compile_objects(brkm_core ${core_sources})
brkm_compile_objects(brkm_os ${PROJECT_SOURCE_DIR}/src/system/os_linux.c
  ${PROJECT_SOURCE_DIR}/src/system/os_memory_linux.c
  ${PROJECT_SOURCE_DIR}/src/system/os_file_linux.c
  ${PROJECT_SOURCE_DIR}/src/system/os_loader_linux.c
  ${PROJECT_SOURCE_DIR}/src/system/os_fault_linux.c)
brkm_compile_objects(brkm_os_service
  ${PROJECT_SOURCE_DIR}/src/system/os_socket_linux.c ${PROJECT_SOURCE_DIR}/src/system/os_start_linux.c
  ${PROJECT_SOURCE_DIR}/src/system/os_thread_linux.c)
brkm_compile_objects(brkm_interpose ${PROJECT_SOURCE_DIR}/src/malloc/interpose.c)

set(symbol_versions ${PROJECT_SOURCE_DIR}/src/brkmalloc.map)

function(brkm_add_shared_library target output_name)
  add_library(${target} SHARED ${ARGN})
  target_link_libraries(${target} PRIVATE brkm_flags ${shared_unwinder})
  target_include_directories(${target} INTERFACE ${PROJECT_SOURCE_DIR}/include)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${output_name}
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS ${symbol_versions})
  target_link_options(${target} PRIVATE -Wl,--version-script=${symbol_versions})
  if(NOT BRKM_SANITIZE)
    # Calls between our own functions do not go through the PLT. Handlers for fork and thread exit
    # are registered for good, so the library must not be unloaded.
    target_link_options(${target} PRIVATE
      -Wl,-z,defs -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete -Wl,-Bsymbolic-functions)
  endif()
endfunction()

# One object in the archive: a program that uses any part then gets all of it, the constructor too.
# Names that our files have for each other are none outside.
function(brkm_add_static_library target output_name)
  set(object ${PROJECT_BINARY_DIR}/${output_name}.o)
  set(archive ${PROJECT_BINARY_DIR}/lib${output_name}.a)
  add_custom_command(OUTPUT ${object}
    COMMAND ${CMAKE_LINKER} -r -o ${object} ${ARGN} ${unwinder}
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${object}
    DEPENDS ${ARGN} COMMAND_EXPAND_LISTS VERBATIM)
  add_custom_command(OUTPUT ${archive}
    COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
    COMMAND ${CMAKE_AR} rcsD ${archive} ${object}
    DEPENDS ${object} VERBATIM)
  add_custom_target(${target}_archive ALL DEPENDS ${archive})
  add_dependencies(${target}_archive brkm_core brkm_os brkm_os_service brkm_interpose)
  add_library(${target} STATIC IMPORTED GLOBAL)
  add_dependencies(${target} ${target}_archive)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${archive})
  target_include_directories(${target} INTERFACE ${PROJECT_SOURCE_DIR}/include)
endfunction()

set(core_objects $<TARGET_OBJECTS:brkm_core> $<TARGET_OBJECTS:brkm_os>
  $<TARGET_OBJECTS:brkm_os_service>)
set(all_objects ${core_objects} $<TARGET_OBJECTS:brkm_interpose>)

brkm_add_shared_library(brkmalloc_prefixed_shared brkmalloc-prefixed ${core_objects})
brkm_add_static_library(brkmalloc_prefixed brkmalloc-prefixed ${core_objects})
add_library(brkmalloc::prefixed_shared ALIAS brkmalloc_prefixed_shared)
add_library(brkmalloc::prefixed ALIAS brkmalloc_prefixed)
if(BRKM_INTERPOSE)
  brkm_add_shared_library(brkmalloc_shared brkmalloc ${all_objects})
  brkm_add_static_library(brkmalloc_static brkmalloc ${all_objects})
  add_library(brkmalloc_object OBJECT IMPORTED GLOBAL)
  add_dependencies(brkmalloc_object brkmalloc_static_archive)
  set_target_properties(brkmalloc_object PROPERTIES
    IMPORTED_OBJECTS ${PROJECT_BINARY_DIR}/brkmalloc.o
    INTERFACE_INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR}/include)
  # A program may ask for malloc through its libraries only (C++). It still gets the shared library,
  # and the archive's malloc before libc's.
  target_link_options(brkmalloc_shared INTERFACE LINKER:--no-as-needed)
  target_link_options(brkmalloc_static INTERFACE LINKER:--undefined=malloc)
  foreach(door shared static object)
    add_library(brkmalloc::${door} ALIAS brkmalloc_${door})
  endforeach()
endif()
