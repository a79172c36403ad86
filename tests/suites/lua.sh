#!/bin/sh
# SPDX-License-Identifier: MIT
# Tarball: golang-github-yuin-gopher-lua
# Needs: lua5.1:lua5.1
# Serves: lua5.1
# Runs: Lua's own tests for its version 5.1, as the project gopher-lua keeps them, on Debian's lua5.1
# Limit: 60
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/suites/common.sh
. "$here/common.sh"

# Each alone, as far as it can do without all.lua; those of them that need more fail on libc's malloc, too.
for file in "$source"/_lua5.1-tests/*.lua; do
    name=$(basename "$file" .lua)
    add_test "$name" 200 "cp -R $source/_lua5.1-tests/. . && LUA_PATH='?;./?.lua' lua5.1 $name.lua"
done
