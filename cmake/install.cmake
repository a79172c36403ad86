# SPDX-License-Identifier: MIT
# What `cmake --install` puts where, below CMAKE_INSTALL_PREFIX. All of it may be moved together
# afterwards. Two components:
#   runtime      what programs need that run on brkmalloc: shared libraries, the command
#   development  what building with it needs
include(CMakePackageConfigHelpers)

set(package_dir ${PROJECT_BINARY_DIR}/package)
set(cmake_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/brkmalloc)

# ---- Libraries and header ----

set(shared_libraries brkmalloc_prefixed_shared)
set(static_names brkmalloc-prefixed)
if(BRKM_INTERPOSE)
  list(APPEND shared_libraries brkmalloc_shared)
  list(APPEND static_names brkmalloc)
  install(FILES ${PROJECT_BINARY_DIR}/brkmalloc.o DESTINATION ${CMAKE_INSTALL_LIBDIR}
    COMPONENT development)
endif()
install(TARGETS ${shared_libraries}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
foreach(name IN LISTS static_names)
  install(FILES ${PROJECT_BINARY_DIR}/lib${name}.a DESTINATION ${CMAKE_INSTALL_LIBDIR}
    COMPONENT development)
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  COMPONENT development)

# ---- For those who build with it: CMake package and pkg-config ----

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/brkmalloc-config.cmake.in
  ${package_dir}/brkmalloc-config.cmake INSTALL_DESTINATION ${cmake_package_dir}
  PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
# Before 1.0 a new minor version may change the interface.
write_basic_package_version_file(${package_dir}/brkmalloc-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${package_dir}/brkmalloc-config.cmake ${package_dir}/brkmalloc-config-version.cmake
  DESTINATION ${cmake_package_dir} COMPONENT development)

# pkg-config finds the prefix from the place of the .pc file, unless the folders are absolute.
set(pc_prefix ${CMAKE_INSTALL_PREFIX})
set(pc_libdir ${CMAKE_INSTALL_FULL_LIBDIR})
set(pc_includedir ${CMAKE_INSTALL_FULL_INCLUDEDIR})
if(NOT IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} AND NOT IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
  file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  string(REGEX REPLACE "/$" "" up ${up})
  set(pc_prefix "\${pcfiledir}/${up}")
  set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
foreach(name IN LISTS static_names ITEMS brkmalloc-kernel)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${package_dir}/${name}.pc @ONLY)
  install(FILES ${package_dir}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT development)
endforeach()

# ---- The command, manual pages and documents ----

if(BRKM_INTERPOSE)
  install(PROGRAMS ${PROJECT_SOURCE_DIR}/brkmalloc DESTINATION ${CMAKE_INSTALL_BINDIR}
    COMPONENT runtime)
  install(TARGETS brkmalloc_ctl DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/brkmalloc COMPONENT runtime)
  install(FILES ${PROJECT_SOURCE_DIR}/completions/brkmalloc
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT runtime)
  install(FILES ${PROJECT_SOURCE_DIR}/docs/man/brkmalloc.1
    DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT runtime)
endif()
if(TARGET brkmalloc_exporter)
  install(TARGETS brkmalloc_exporter RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/brkmalloc
    COMPONENT runtime)
  install(FILES ${PROJECT_SOURCE_DIR}/exporter/prometheus/brkmalloc-rules.yml
    DESTINATION ${CMAKE_INSTALL_DATADIR}/brkmalloc/prometheus COMPONENT runtime)
endif()
if(TARGET brkmalloc_pprof)
  install(TARGETS brkmalloc_pprof RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/brkmalloc
    COMPONENT runtime)
endif()
if(TARGET brkmalloc_report)
  install(TARGETS brkmalloc_report brkmalloc_map RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/brkmalloc
    COMPONENT runtime)
endif()
if(TARGET brkmalloc_compare)
  install(TARGETS brkmalloc_compare RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/brkmalloc
    COMPONENT runtime)
endif()
if(TARGET brkmalloc_record)
  install(TARGETS brkmalloc_record brkmalloc_replay brkmalloc_export
    RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/brkmalloc COMPONENT runtime
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/brkmalloc COMPONENT runtime)
  foreach(folder compare trace)
    file(GLOB modules CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.py)
    install(FILES ${modules} DESTINATION ${CMAKE_INSTALL_DATADIR}/brkmalloc/${folder} COMPONENT runtime)
  endforeach()
endif()
install(FILES ${PROJECT_SOURCE_DIR}/docs/man/brkmalloc.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7
  COMPONENT runtime)
install(FILES ${PROJECT_SOURCE_DIR}/docs/man/brkmalloc.3
    ${PROJECT_SOURCE_DIR}/docs/man/brkmalloc-kernel.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3
  COMPONENT development)

# The loader looks into few folders, and into those after ldconfig only.
install(CODE "set(libdir \"${CMAKE_INSTALL_LIBDIR}\")
  if(\"\$ENV{DESTDIR}\" STREQUAL \"\")
    message(STATUS \"Programs that are linked with -lbrkmalloc find it after: ldconfig \"
      \"\${CMAKE_INSTALL_PREFIX}/\${libdir}; or when they are linked with \"
      \"-Wl,-rpath,\${CMAKE_INSTALL_PREFIX}/\${libdir}\")
  endif()" COMPONENT runtime)

# gdb's commands. gdb loads the links by itself for a library in the folder that they are named after,
# if it looks for scripts below this prefix: Debian's does below /usr.
set(gdb_script brkmalloc-gdb.py)
set(gdb_script_dir ${CMAKE_INSTALL_DATADIR}/brkmalloc)
install(FILES ${PROJECT_SOURCE_DIR}/gdb/${gdb_script} DESTINATION ${gdb_script_dir}
  COMPONENT runtime)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR BASE_DIRECTORY / OUTPUT_VARIABLE libdir_from_root)
set(auto_load_dir ${CMAKE_INSTALL_DATADIR}/gdb/auto-load/${libdir_from_root})
set(auto_load_links ${package_dir}/auto-load)
file(RELATIVE_PATH to_script /${auto_load_dir} /${gdb_script_dir}/${gdb_script})
file(MAKE_DIRECTORY ${auto_load_links})
foreach(library IN LISTS shared_libraries)
  get_target_property(name ${library} OUTPUT_NAME)
  set(link ${auto_load_links}/lib${name}.so.${PROJECT_VERSION}-gdb.py)
  file(CREATE_LINK ${to_script} ${link} SYMBOLIC)
  install(FILES ${link} DESTINATION ${auto_load_dir} COMPONENT runtime)
endforeach()

# Each function has a page of its name, which leads to brkmalloc(3).
file(READ ${PROJECT_SOURCE_DIR}/include/brkmalloc/brkmalloc.h header)
string(REGEX MATCHALL "BRKM_API[^;]*[ *]brkm_[a-z0-9_]+\\(" declarations "${header}")
foreach(declaration IN LISTS declarations)
  string(REGEX REPLACE ".*[ *](brkm_[a-z0-9_]+)\\($" "\\1" function "${declaration}")
  file(WRITE ${package_dir}/man3/${function}.3 ".so man3/brkmalloc.3\n")
  install(FILES ${package_dir}/man3/${function}.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3
    COMPONENT development)
endforeach()

install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(FILES docs/compatibility.md docs/control.md docs/debugging.md docs/design.md docs/metrics.md docs/options.md
    docs/probes.md docs/profile-format.md docs/testing.md docs/tools.md docs/trace-format.md docs/using.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs COMPONENT runtime)
install(FILES docs/charts/timeline.svg DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs/charts COMPONENT runtime)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development
  USE_SOURCE_PERMISSIONS)
