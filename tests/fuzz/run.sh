#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the random test with every line of seeds.txt: run.sh PROGRAM
# With a second argument, that many fresh seeds instead, each in every configuration.
set -u

program=$1
folder=$(dirname "$0")
failed=0

if [ $# -ge 2 ]; then
    seed=$(date +%s)
    echo "fresh seeds from $seed on"
    UNIT_SEED=$seed UNIT_ROUNDS=$2 exec "$program"
fi

while read -r configuration seed steps; do
    case $configuration in '' | '#'*) continue ;; esac
    if ! CK_RUN_CASE=$configuration UNIT_SEED=$seed UNIT_STEPS=$steps "$program"; then
        echo "failed: $configuration, seed $seed, $steps steps"
        failed=1
    fi
done <"$folder/seeds.txt"
exit $failed
