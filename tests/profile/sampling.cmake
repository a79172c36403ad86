# SPDX-License-Identifier: MIT
# The heap profile of a program that knows what it allocates, and of python3.
find_program(BRKM_PYTHON python3)
if(NOT BRKM_INTERPOSE OR NOT BRKM_PYTHON)
  return()
endif()
include(${PROJECT_SOURCE_DIR}/tests/support/doors.cmake)

# Without --eh-frame-hdr the static one has its stacks from frame pointers.
set_source_files_properties(profile.c PROPERTIES COMPILE_OPTIONS -fno-omit-frame-pointer)
brkm_door_program(profile SOURCES profile.c DOORS preload linked static static-pie)

# brkm_profile_tests(DOOR CASE...)
function(brkm_profile_tests door)
  brkm_available_doors(available ${door})
  if(NOT available)
    return()
  endif()
  set(told ${door})
  if(door IN_LIST brkm_static_doors)
    set(told static)
  endif()
  foreach(case IN LISTS ARGN)
    add_test(NAME profile.${case}.${door}
      COMMAND ${BRKM_PYTHON} -B ${CMAKE_CURRENT_SOURCE_DIR}/profile.py ${case}
        ${brkm_preloaded} ${told} $<TARGET_FILE:profile_${door}>)
    set_tests_properties(profile.${case}.${door} PROPERTIES TIMEOUT 120 SKIP_RETURN_CODE 77)
  endforeach()
endfunction()

brkm_profile_tests(preload sites exact threads fork fork_one_name exec signal growth leaks unwritable
  no_at_exit python)
brkm_profile_tests(linked sites leaks)
brkm_profile_tests(static sites exact threads fork signal leaks unwritable)
brkm_profile_tests(static-pie exact)
