#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-layers.sh [SOURCE_FOLDER]: a file of src/ includes headers of lower layers, its own and the
# public one, none of its own layer or above, and its first lines name the layer that the table here
# gives it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/../../src}"

layer_of()
{
    case $1 in
    config | base) echo 0 ;;
    os | os_linux | os_thread | os_thread_linux | os_socket | os_socket_linux | os_fault | os_fault_linux | annotate | probes | facts | clear) echo 1 ;;
    random | report | writer | alarm) echo 2 ;;
    lock | options | backtrace | modules | sampling) echo 3 ;;
    block | size_class | regions | environment | footprint | perturb | huge_pages | foreign) echo 4 ;;
    bins | cached_list | top | fallback | trailer | zero_size | own_memory | profile) echo 5 ;;
    purge | mapped | guarded | cache_bin | profile_file | leaks | prefetch) echo 6 ;;
    free_space | explain | samples) echo 7 ;;
    heap) echo 8 ;;
    idle | verify | heap_map | thread_cache | quarantine) echo 9 ;;
    depot | cache_registry) echo 10 ;;
    supply | decay | cache_budget | cache_life) echo 11 ;;
    cache_miss) echo 12 ;;
    serve | snapshot | watch) echo 13 ;;
    hardened | sampled) echo 14 ;;
    alloc | check | info | stats | tune | profiling) echo 15 ;;
    control | interpose | realloc) echo 16 ;;
    server) echo 17 ;;
    service | orphans) echo 18 ;;
    process) echo 19 ;;
    *) echo unknown ;;
    esac
}

# The header that a source may include although it is of its own layer.
own_header_of()
{
    case $1 in
    *_linux.c) echo "${1%_linux.c}.h" ;;
    *.c) echo "${1%.c}.h" ;;
    esac
}

includes_of()
{
    sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$1"
}

violation()
{
    echo "$*"
    status=1
}

list=$(mktemp)
trap 'rm -f "$list"' EXIT
status=0
looked_at=0
for file in *.c *.h; do
    [ -f "$file" ] || continue
    looked_at=$((looked_at + 1))
    layer=$(layer_of "${file%.*}")
    if [ "$layer" = unknown ]; then
        violation "$file: no layer in the table of check-layers.sh"
        continue
    fi
    sed -n 2,3p "$file" | grep -q "Layer $layer\\([^0-9]\\|\$\\)" ||
        violation "$file: line 2 or 3 does not say 'Layer $layer'"
    includes_of "$file" >"$list"
    while IFS= read -r header; do
        case $header in
        "$(own_header_of "$file")" | brkmalloc/brkmalloc.h) continue ;;
        esac
        other=$(layer_of "${header%.h}")
        if [ "$other" = unknown ]; then
            violation "$file includes $header, which has no layer in the table of check-layers.sh"
        elif [ "$other" -ge "$layer" ]; then
            violation "$file (layer $layer) includes $header (layer $other)"
        fi
    done <"$list"
done
echo "$looked_at files"
if [ "$looked_at" -eq 0 ]; then
    violation "found no file in $PWD"
fi
exit "$status"
