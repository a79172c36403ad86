#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: ruby:ruby
# Serves: ruby*
# Runs: hashes, JSON, compacting garbage collection, threads, Marshal
set -eu
cat >work.rb <<'RUBY'
require "digest"
require "json"
require "set"
require "stringio"
require "zlib"

table = Hash.new { |hash, key| hash[key] = [] }
200_000.times { |i| table["key#{i * 7919 % 5003}"] << { id: i, text: i.to_s * (i % 5) } }
json = JSON.generate(table)
puts table.size, json.size, Digest::SHA256.hexdigest(json), JSON.parse(json).size
table.delete_if { |key, _| key.end_with?("3") }
GC.start
GC.compact if GC.respond_to?(:compact)
puts table.sum { |_, list| list.size }

text = +""
50_000.times { |i| text << "#{i};" }
puts text.scan(/\d*99\d*/).size, text.gsub(/(\d)1/) { "<#{$1}>" }.size, text.hash == text.dup.hash
puts Zlib::Inflate.inflate(Zlib::Deflate.deflate(text)) == text
puts Marshal.load(Marshal.dump(table.first(50).to_h)).size

results = 8.times.map do |n|
  Thread.new { (1..20_000).map { |i| "#{n}#{i}" * (i % 4) }.sum(&:size) }
end.map(&:value)
p results
10.times do |n|
  reader, writer = IO.pipe
  child = fork do
    reader.close
    writer.write((1..5000).map { |i| "x" * (i % 50) + n.to_s }.join.size)
    exit!(0)
  end
  writer.close
  puts reader.read
  Process.wait(child)
  puts $?.exitstatus
end
fibers = 2000.times.map { |i| Fiber.new { Fiber.yield(i); i * 2 } }
puts fibers.sum(&:resume), fibers.sum(&:resume)
puts (2**5000).to_s.size, (1..300).inject(:*) % 1_000_000_007
puts `echo child`.upcase
puts Set.new(50_000.times.map { |i| (i * 31 % 997).to_s.to_sym }).size
eval((1..2000).map { |i| "def generated_#{i}(x) = x + #{i}" }.join("\n"))
puts (1..2000).inject(0) { |sum, i| send("generated_#{i}", sum) }
begin
  raise ArgumentError, "on purpose"
rescue => error
  puts error.message
end
RUBY
ruby work.rb
