#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: stress-ng:stress-ng
# Serves: stress-ng*
# Runs: the stressors of memory and threads that verify, two workers each, for a number of operations
# Limit: 60
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/suites/common.sh
. "$here/common.sh"

# stressor NAME OPERATIONS [OPTION...]
stressor()
{
    name=$1 operations=$2
    shift 2
    add_test "$name${1:+ $*}" 120 "stress-ng --temp-path . --verify --no-rand-seed --timeout 60 --$name 2 \
--$name-ops $operations $*"
}

stressor malloc 200000 --malloc-bytes 64M
stressor malloc 20000 --malloc-pthreads 4 --malloc-zerofree
stressor bigheap 2000 --bigheap-growth 1M
stressor brk 100000
stressor stack 20
stressor qsort 20
stressor hsearch 50
stressor lsearch 20
stressor tsearch 20
stressor bsearch 50
stressor list 20
stressor tree 10
stressor skiplist 50
stressor judy 5
stressor radixsort 20
stressor heapsort 5
stressor mergesort 5
stressor str 50
stressor wcs 50
stressor matrix 20
stressor pthread 2000
stressor fork 2000
stressor vfork 2000
stressor clone 500
stressor exec 200
stressor env 20
stressor dynlib 200
stressor mremap 200
stressor madvise 200
stressor memfd 20
stressor sem 20000
stressor mq 20000
stressor zlib 20
stressor getdent 20
stressor dir 20
