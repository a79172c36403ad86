#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: python3:python3
# Serves: python3*
# Runs: as python3, without its own allocator of small objects: every object is a malloc
set -eu
export PYTHONMALLOC=malloc
. "${0%/*}/python3.sh"
