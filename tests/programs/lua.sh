#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: lua5.4:lua5.4
# Serves: lua5.4
# Runs: tables of 20000 keys, strings, coroutines, garbage collection
set -eu
cat >work.lua <<'LUA'
local function hash(text)
    local h = 5381
    for i = 1, #text, 7 do
        h = (h * 33 + text:byte(i)) % 4294967296
    end
    return h
end

local tables = {}
for i = 1, 200000 do
    local key = "key" .. i * 7919 % 20011
    tables[key] = tables[key] or {}
    table.insert(tables[key], { i, tostring(i):rep(i % 5) })
end
local keys = {}
for key, list in pairs(tables) do
    keys[#keys + 1] = key .. #list
end
table.sort(keys)
print(#keys, hash(table.concat(keys, ",")))
for i = 0, 20011, 2 do
    tables["key" .. i] = nil
end
collectgarbage()

local text = ""
for i = 1, 3000 do
    text = text .. i .. ";"
end
print(#text, hash(text))
local replaced, count = text:gsub("(%d)1", "%1<one>")
print(count, hash(replaced))

local function permutations(items, n)
    if n == 0 then
        coroutine.yield(items)
    end
    for i = 1, n do
        items[n], items[i] = items[i], items[n]
        permutations(items, n - 1)
        items[n], items[i] = items[i], items[n]
    end
end
local total, sum = 0, 0
for items in coroutine.wrap(function() permutations({ 1, 2, 3, 4, 5, 6, 7, 8 }, 8) end) do
    total = total + 1
    sum = (sum * 31 + hash(table.concat(items))) % 1000000007
end
print(total, sum)

collectgarbage("generational")
local waiting = {}
for i = 1, 50000 do
    waiting[i % 500] = coroutine.create(function(a)
        local mine = { a, a .. "", { a } }
        coroutine.yield(mine)
        return #mine
    end)
    coroutine.resume(waiting[i % 500], i)
end
print(select(2, coroutine.resume(waiting[17], 1)))
local weak = setmetatable({}, { __mode = "v" })
for i = 1, 1000 do
    weak[i] = { i }
end
collectgarbage("incremental")
collectgarbage()
print(next(weak))
local chunk = {}
for i = 1, 5000 do
    chunk[i] = "x = (x or 0) + " .. i
end
load(table.concat(chunk, "\n"))()
print(x, string.format("%q", ("a\nb"):rep(3)), #string.pack("s4z", text, "end"))
print(pcall(string.rep, "x", 1 << 40))
LUA
lua5.4 work.lua
