#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In a set-user-id program LD_PRELOAD with a path is ignored by ld.so, and the allocator that is
# linked in ignores what its environment variable asks it to print.
# Usage: set_user_id.sh LIBRARY DYNAMIC_PROGRAM STATIC_PROGRAM
set -eu

library=$1

skip() {
    echo "skipped: $1"
    exit 77
}

[ "$(id -u)" -eq 0 ] || skip "only root can make set-user-id programs of another user"
command -v setpriv >/dev/null || skip "no setpriv"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
cp "$2" "$folder/dynamic"
cp "$3" "$folder/static"
chmod 755 "$folder" "$folder/dynamic" "$folder/static"

as_nobody() {
    setpriv --reuid=65534 --regid=65534 --clear-groups env "$@"
}
as_nobody true || skip "the user cannot be changed here"

# Without the mode bit the variable has an effect: the statistics are printed.
as_nobody BRKMALLOC=stats_at_exit:true "$folder/static" static 2>"$folder/said"
if [ ! -s "$folder/said" ]; then
    echo "the variable has no effect even in an ordinary program" >&2
    exit 1
fi

chown 65533 "$folder/dynamic" "$folder/static"
chmod 4755 "$folder/dynamic" "$folder/static"

code=0
as_nobody BRKMALLOC=stats_at_exit:true "$folder/static" static secure 2>"$folder/said" || code=$?
[ "$code" -ne 77 ] || skip "set-user-id has no effect in the temporary folder"
[ "$code" -eq 0 ] || exit "$code"
if [ -s "$folder/said" ]; then
    echo "the variable was read in a set-user-id program:" >&2
    cat "$folder/said" >&2
    exit 1
fi

as_nobody "LD_PRELOAD=$library" "$folder/dynamic" libc secure
echo "environment ignored in both"
