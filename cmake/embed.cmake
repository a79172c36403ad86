# SPDX-License-Identifier: MIT
# cmake -D OUTPUT=HEADER -D FOLDER=... -D PARTS="NAME=FILE+FILE..." -P embed.cmake: files below FOLDER as
# strings of a C header; the files of a part follow each other. Parts stand between commas.
set(header "/* Made by embed.cmake. */\n")
string(REPLACE "," ";" parts "${PARTS}")
foreach(part IN LISTS parts)
  string(REGEX MATCH "^([a-z_]+)=(.*)$" matched "${part}")
  set(name ${CMAKE_MATCH_1})
  string(REPLACE "+" ";" files "${CMAKE_MATCH_2}")
  set(all "")
  foreach(file IN LISTS files)
    file(READ ${FOLDER}/${file} bytes HEX)
    string(APPEND all "${bytes}")
  endforeach()
  string(REGEX REPLACE "(..)" "0x\\1," all "${all}")
  string(APPEND header "static const char ${name}[] = {${all}0x00};\n")
endforeach()
file(WRITE ${OUTPUT} "${header}")
