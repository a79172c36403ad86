#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: ruby:ruby
# Ruby: hashes, strings, JSON and garbage collection.
set -eu
case $1 in
prepare)
    cat >work.rb <<'RUBY'
require "json"

size = ARGV[0].to_i
total = 0
[1, size / 6].max.times do |turn|
  table = Hash.new { |hash, key| hash[key] = [] }
  15_000.times { |i| table["key#{i * 7919 % 2003}"] << { "id" => i, "text" => "x" * (i % 60) } }
  json = JSON.generate(table)
  total += JSON.parse(json).sum { |key, list| key.size + list.size }
  table.delete_if { |key, _| key.end_with?("3") }
  lines = table.map { |key, list| "#{key}:#{list.map { |entry| entry["text"] }.join(",")}" }
  text = lines.join(";")
  total += text.split(/[,;]/).map { |word| word + turn.to_s }.uniq.size
end
puts total
RUBY
    echo "$2" >size
    ;;
run)
    exec env ${BENCH_PRELOAD:+LD_PRELOAD="$BENCH_PRELOAD"} ruby work.rb "$(cat size)"
    ;;
esac
