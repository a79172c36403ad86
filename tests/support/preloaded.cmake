# SPDX-License-Identifier: MIT
# Sets brkm_preloaded and brkm_preloaded_recorder to paths of the libraries that LD_PRELOAD can name: blanks and
# colons separate libraries there. Where the build's own path has such, the paths go by a link in /tmp, which stays.
set(brkm_preloaded $<TARGET_FILE:brkmalloc_shared>)
set(brkm_preloaded_recorder $<TARGET_FILE:brkmalloc_record>)
if(BRKM_INTERPOSE AND PROJECT_BINARY_DIR MATCHES "[ :$]")
  if(NOT EXISTS "${BRKM_LINK_FOLDER}/build")
    execute_process(COMMAND mktemp -d /tmp/brkmalloc-build.XXXXXX
      OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    file(CREATE_LINK ${PROJECT_BINARY_DIR} ${folder}/build SYMBOLIC)
    set(BRKM_LINK_FOLDER ${folder} CACHE INTERNAL "Has a link to the build that LD_PRELOAD can name")
  endif()
  foreach(path brkm_preloaded brkm_preloaded_recorder)
    set(${path} ${BRKM_LINK_FOLDER}/build/$<PATH:RELATIVE_PATH,${${path}},${PROJECT_BINARY_DIR}>)
  endforeach()
endif()
