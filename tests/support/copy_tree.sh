# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# copy_tree SOURCE FOLDER: a source tree as a fresh clone has it, but for its history.
copy_tree()
{
    mkdir -p "$2"
    tar -C "$1" --exclude=./build --exclude=./.git --exclude=__pycache__ -cf - . | tar -C "$2" -xf -
}
