#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: python3:python3
# Serves: python3*
# The same work without Python's own allocator of small objects: every object is a malloc.
set -eu
export PYTHONMALLOC=malloc
. "${0%/*}/python3.sh"
