#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: tclsh:tcl
# Serves: tclsh*
# Runs: arrays, dictionaries, interpreters in the interpreter, coroutines
set -eu
cat >work.tcl <<'TCL'
for {set i 0} {$i < 100000} {incr i} {
    set key "key[expr {$i * 7919 % 5003}]"
    lappend lists($key) $i
    dict incr counts $key
    append text "$i,"
}
set sum 0
foreach key [lsort [array names lists]] {
    incr sum [expr {[llength $lists($key)] * [lindex $lists($key) end]}]
}
puts "$sum [dict size $counts] [string length $text]"
puts [zlib crc32 $text]
puts [regsub -all {(\d)1} [string range $text 0 300] {\1<one>}]
puts [expr {3 ** 2000}]
proc fib n { if {$n < 2} { return $n }; expr {[fib [expr {$n - 1}]] + [fib [expr {$n - 2}]]} }
puts [fib 20]
for {set i 0} {$i < 50} {incr i} {
    set child [interp create]
    $child eval { proc square x { expr {$x * $x} } }
    incr total [$child eval [list square $i]]
    interp delete $child
}
puts $total
coroutine counter apply {{} { yield; for {set i 0} {1} {incr i} { yield [string repeat $i 3] } }}
for {set i 0} {$i < 2000} {incr i} { set last [counter] }
puts $last
puts [exec sort -r << "a\nc\nb"]
set packed [zlib compress $text]
puts [string equal [zlib decompress $packed] $text]
set rows {}
for {set i 0} {$i < 20000} {incr i} { lappend rows [list [expr {$i * 31 % 997}] "row $i"] }
puts [lrange [lsort -integer -index 0 $rows] 0 3]
after 10 { puts "from the event loop"; set done 1 }
vwait done
catch { error "on purpose" } message
puts $message
TCL
tclsh work.tcl
