# SPDX-License-Identifier: MIT
# cmake -D OUTPUT=HEADER -D FOLDER=... -P embed.cmake: the style and the script of the flame graph as
# strings of a C header.
set(header "/* Made by embed.cmake. */\n")
foreach(part "flame_graph_style=flame_graph.css" "flame_graph_script=flame_graph.js")
  string(REPLACE "=" ";" part ${part})
  list(GET part 0 name)
  list(GET part 1 file)
  file(READ ${FOLDER}/${file} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(APPEND header "static const char ${name}[] = {${bytes}0x00};\n")
endforeach()
file(WRITE ${OUTPUT} "${header}")
