# SPDX-License-Identifier: MIT
# The flags that every target of the project is compiled with.
add_library(brkm_flags INTERFACE)
target_compile_options(brkm_flags INTERFACE
  -Wall -Wextra -Wundef -Wshadow -Wconversion -Wcast-qual -Wvla -Wwrite-strings -Wpointer-arith
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes;-Wmissing-prototypes;-Wold-style-definition>
  $<$<BOOL:${BRKM_WERROR}>:-Werror>)
if(BRKM_SANITIZE)
  target_compile_options(brkm_flags INTERFACE
    -fsanitize=${BRKM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(brkm_flags INTERFACE -fsanitize=${BRKM_SANITIZE})
endif()
if(BRKM_FUZZ)
  target_compile_options(brkm_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
