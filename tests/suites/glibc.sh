#!/bin/sh
# SPDX-License-Identifier: MIT
# Source: glibc
# Needs: gcc:gcc make:make
# Serves: tst* test* bug*
# Runs: the folders malloc, sysdeps/pthread, stdlib, libio and dlfcn
# Limit: 3600
#
# What of these folders can be built outside glibc's own tree, with its support library, by the
# installed compiler and headers.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/suites/common.sh
. "$here/common.sh"

# The tests' own limits, of 20 seconds as a rule, are for machines that do nothing else.
patience=10
folders="malloc sysdeps/pthread stdlib libio dlfcn"

# Only headers that are not installed: others would take the place of the system's.
make_headers()
{
    headers=$work/include
    mkdir "$headers"
    ln -s "$source/support" "$source/malloc" "$source/test-skeleton.c" "$headers/"
    for name in array_length libc-diag libc-pointer-arith scratch_buffer intprops verify; do
        for header in "$source/include/$name.h" "$source"/*/"$name.h"; do
            [ ! -f "$header" ] || ln -sf "$header" "$headers/"
        done
    done
    : >"$headers/config.h"
    : >"$headers/stackinfo.h"
}

# What the support library consists of, with what the tests use of libc's inside.
support_files()
{
    sed -n '/^libsupport-routines/,/[^\\]$/p' "$source/support/Makefile" | sed '1d; s/\\//'
    echo scratch_buffer_grow scratch_buffer_grow_preserve scratch_buffer_set_array_size
    echo dynarray_at_failure dynarray_emplace_enlarge dynarray_finalize
    echo dynarray_resize dynarray_resize_clear
}

# Folders that only tests in containers of glibc's own use.
support_paths()
{
    for name in SRCDIR OBJDIR OBJDIR_ELF_LDSO INSTDIR LIBDIR BINDIR SBINDIR SLIBDIR ROOTSBINDIR \
        COMPLOCALEDIR SYSCONFDIR; do
        printf " -D%s_PATH='\"/nonexistent\"'" "$name"
    done
}

test_files()
{
    for folder in $folders; do
        for file in "$source/$folder"/tst*.c "$source/$folder"/test*.c "$source/$folder"/bug*.c; do
            [ ! -f "$file" ] || printf '%s\n' "$folder/$(basename "$file" .c)"
        done
    done
}

# A makefile, so that as many compilers run as there are processors; what fails is left out.
write_makefile()
{
    echo "FLAGS = -std=gnu11 -O1 -w -fno-builtin-malloc -D_GNU_SOURCE"
    echo "FLAGS += -include $here/glibc/compat.h -I$headers -idirafter $source"
    objects=
    for name in $(support_files); do
        file=$source/support/$name.c
        [ -f "$file" ] || file=$source/malloc/$name.c
        [ -f "$file" ] || continue
        objects="$objects support/$name.o"
        printf 'support/%s.o:\n\t-gcc $(FLAGS) -I%s/support %s -c %s -o $@\n' "$name" "$source" \
            "$(support_paths)" "$file"
    done
    printf 'libsupport.a:%s\n\tar rc $@ support/*.o\n' "$objects"
    for name in $(test_files); do
        printf 'programs: %s\n%s: libsupport.a\n' "$name" "$name"
        printf '\t-gcc $(FLAGS) -I%s/%s %s/%s.c libsupport.a -pthread -ldl -lrt -lm -o $@\n' \
            "$source" "$(dirname "$name")" "$source" "$name"
    done
    echo '.PHONY: programs'
}

cd "$work"
make_headers
write_makefile >Makefile
mkdir support
for folder in $folders; do
    mkdir -p "$folder"
done
make -j "$jobs" programs
for name in $(test_files); do
    if [ -x "$name" ]; then
        add_test "$name" 300 "TIMEOUTFACTOR=$patience $work/$name"
    else
        not_built "$name"
    fi
done
