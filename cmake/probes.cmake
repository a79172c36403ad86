# SPDX-License-Identifier: MIT
# Sets brkm_probes: 1 when probes are wanted and sys/sdt.h, which defines them, is there.
include(CheckIncludeFile)

set(brkm_probes 0)
if(BRKM_PROBES)
  # Looked for again as long as it is missing: it may be installed meanwhile.
  if(NOT BRKM_HAS_SYS_SDT_H)
    unset(BRKM_HAS_SYS_SDT_H CACHE)
  endif()
  check_include_file(sys/sdt.h BRKM_HAS_SYS_SDT_H)
  if(BRKM_HAS_SYS_SDT_H)
    set(brkm_probes 1)
  else()
    brkm_left_out("No probes: sys/sdt.h is missing (Debian's package systemtap-sdt-dev)")
  endif()
else()
  message(STATUS "No probes: BRKM_PROBES is OFF")
endif()
