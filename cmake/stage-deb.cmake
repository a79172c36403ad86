# SPDX-License-Identifier: MIT
# cpack runs this when the files of both packages are staged: what Debian asks of files beyond what
# `cmake --install` does.
set(runtime_package brkmalloc)
set(development_package libbrkmalloc-dev)

# Dates in the packages are that of the last commit, unless the environment says otherwise.
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  execute_process(COMMAND git -C ${CPACK_BRKM_SOURCE_DIR} log -1 --format=%ct
    OUTPUT_VARIABLE seconds OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(seconds)
    set(ENV{SOURCE_DATE_EPOCH} ${seconds})
  endif()
endif()

# compress(FILE...): without the file's name and date in it.
function(compress)
  if(ARGN)
    execute_process(COMMAND gzip -9nf ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
  endif()
endfunction()

# The licence as a paragraph of Debian's copyright file: indented, and a dot for each empty line.
file(READ ${CPACK_BRKM_SOURCE_DIR}/LICENSE BRKM_LICENSE_TEXT)
string(REGEX REPLACE "^.*\n\nPermission" "Permission" BRKM_LICENSE_TEXT "${BRKM_LICENSE_TEXT}")
string(STRIP "${BRKM_LICENSE_TEXT}" BRKM_LICENSE_TEXT)
string(REPLACE "\n\n" "\n.\n" BRKM_LICENSE_TEXT "${BRKM_LICENSE_TEXT}")
string(REPLACE "\n" "\n " BRKM_LICENSE_TEXT " ${BRKM_LICENSE_TEXT}")

foreach(component runtime development)
  set(staged ${CPACK_TEMPORARY_DIRECTORY}/${component})
  set(documents ${staged}/usr/share/doc/${${component}_package})

  file(GLOB_RECURSE pages ${staged}/usr/share/man/*.[1-8])
  compress(${pages})

  configure_file(${CPACK_BRKM_SOURCE_DIR}/cmake/debian/copyright.in ${documents}/copyright @ONLY)
  configure_file(${CPACK_BRKM_SOURCE_DIR}/CHANGELOG.md ${documents}/changelog COPYONLY)
  file(REMOVE ${documents}/LICENSE ${documents}/CHANGELOG.md)
  set(version ${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})
  string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
  file(WRITE ${documents}/changelog.Debian
    "${${component}_package} (${version}) unstable; urgency=medium\n\n"
    "  * brkmalloc ${CPACK_PACKAGE_VERSION}; its own changes are in changelog.gz.\n\n"
    " -- ${CPACK_PACKAGE_CONTACT}  ${date}\n")
  compress(${documents}/changelog ${documents}/changelog.Debian)

  file(GLOB_RECURSE static_libraries ${staged}/usr/*.a ${staged}/usr/*.o)
  foreach(library IN LISTS static_libraries)
    execute_process(
      COMMAND ${CPACK_BRKM_OBJCOPY} --strip-debug --enable-deterministic-archives ${library}
      COMMAND_ERROR_IS_FATAL ANY)
  endforeach()

  # Whatever the umask, all may read the files.
  execute_process(COMMAND chmod -R u=rwX,go=rX ${staged} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
