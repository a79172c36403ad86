# SPDX-License-Identifier: MIT
# What `cmake --build FOLDER --target package` makes: two Debian packages, best from the preset
# `package`, which lays files out as Debian does.
#   brkmalloc          the component runtime
#   libbrkmalloc-dev   the component development
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME brkmalloc)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
# Who answers for the packages is who builds them, by the variables of Debian's own tools.
set(builder "local build")
set(builder_address "root@localhost")
if(DEFINED ENV{DEBFULLNAME})
  set(builder "$ENV{DEBFULLNAME}")
endif()
if(DEFINED ENV{DEBEMAIL})
  set(builder_address "$ENV{DEBEMAIL}")
endif()
if(NOT DEFINED CPACK_PACKAGE_CONTACT)
  set(CPACK_PACKAGE_CONTACT "${builder} <${builder_address}>")
endif()
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME brkmalloc)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/debian/triggers)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION
"malloc that takes over any program without rebuilding it
A malloc replacement whose free blocks coalesce at once, in a heap that grows
with sbrk. Checks that are always on stop a program at its first double free,
wild free or overwritten header, with one line that names the fault.

The command brkmalloc runs programs on it.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libbrkmalloc-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "brkmalloc (= ${PROJECT_VERSION}-1), libc6-dev")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
"malloc that takes over any program - development files
The header, the object and the archives for static linking, the libraries under
the prefix brkm_, CMake and pkg-config files, examples, and the manual page of
the functions.")

# The dependency on libc, and what packages that use the libraries will depend on.
find_program(BRKM_DPKG_SHLIBDEPS dpkg-shlibdeps)
find_program(BRKM_FILE_COMMAND file)
mark_as_advanced(BRKM_DPKG_SHLIBDEPS BRKM_FILE_COMMAND)
if(BRKM_DPKG_SHLIBDEPS AND BRKM_FILE_COMMAND)
  set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
  set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
else()
  brkm_left_out("Dependencies are not looked up; missing: dpkg-shlibdeps (dpkg-dev) or file (file)")
  execute_process(COMMAND getconf GNU_LIBC_VERSION OUTPUT_VARIABLE libc_version)
  string(REGEX MATCH "[0-9.]+" libc_version "${libc_version}")
  set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "libc6 (>= ${libc_version})")
endif()
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS python3) # compares allocators in `brkmalloc replay`
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SUGGESTS
  "gnuplot-nox, libjemalloc2, libtcmalloc-minimal4, libmimalloc2.0 | libmimalloc3.0, prometheus")

# Debian's rules for files, applied to the staged folders.
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/stage-deb.cmake)
set(CPACK_BRKM_OBJCOPY ${CMAKE_OBJCOPY})
set(CPACK_BRKM_SOURCE_DIR ${PROJECT_SOURCE_DIR})
include(CPack)
