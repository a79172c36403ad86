#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: lua5.4:lua5.4
# Lua: tables, closures and strings under its garbage collector.
set -eu
case $1 in
prepare)
    cat >work.lua <<'LUA'
local size = tonumber(arg[1])

local function tree(depth)
    if depth == 0 then return { leaf = true } end
    return { left = tree(depth - 1), right = tree(depth - 1), label = 'node ' .. depth }
end

local function count(node)
    if node.leaf then return 1 end
    return #node.label + count(node.left) + count(node.right)
end

local total = 0
for turn = 1, math.max(1, size // 5) do
    local words, list = {}, {}
    for i = 1, 40000 do
        local word = string.format('word%d', i * 7919 % 9973)
        words[word] = (words[word] or 0) + 1
        list[#list + 1] = word .. turn
    end
    local text = table.concat(list, ' ')
    for word in text:gmatch('%S+') do total = total + #word end
    total = total + #text:gsub('word', function(found) return found:upper() .. turn end)
    total = total + count(tree(14))
    local closures = {}
    for i = 1, 20000 do closures[i] = function(x) return x + i end end
    total = total + closures[turn](turn)
end
print(total)
LUA
    echo "$2" >size
    ;;
run)
    exec env ${BENCH_PRELOAD:+LD_PRELOAD="$BENCH_PRELOAD"} lua5.4 work.lua "$(cat size)"
    ;;
esac
