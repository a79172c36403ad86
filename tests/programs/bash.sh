#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: bash:bash
# Serves: bash
# Runs: associative arrays, 30000 array elements, string functions, recursion, subshells
set -eu
cat >work.bash <<'BASH'
declare -A counts
declare -a words

hash_of() {
    local text=$1 sum=5381 i code
    for ((i = 0; i < ${#text}; i++)); do
        printf -v code '%d' "'${text:i:1}"
        sum=$(((sum * 33 + code) % 4294967296))
    done
    echo "$sum"
}

factorial() { if (($1 < 2)); then echo 1; else echo $(($1 * $(factorial $(($1 - 1))))); fi; }

for i in {1..30000}; do
    key=k$((i * 7919 % 1009))
    ((counts[$key] += i))
    words[i]="word-$i-$key"
done
for key in "${!counts[@]}"; do echo "$key ${counts[$key]}"; done | sort
echo "${#words[@]} ${words[*]:100:5} ${words[-1]}"

text=
for i in {1..4000}; do text+="line $i of the text; "; done
echo "${#text} $(hash_of "${text:1000:2000}")"
text=${text//line/LINE}
echo "${text:500:60} ${#text}"
unset 'words[17]'
sorted=($(printf '%s\n' "${words[@]:0:500}" | sort -r))
echo "${sorted[@]:0:3}"

factorial 15
(cd / && counts[inner]=1 && echo "inner ${#counts[@]} $PWD")
echo "outer ${#counts[@]}"
while read -r number rest; do ((total += number)); done < <(seq 1 5000 | sed 's/$/ x/')
echo "total $total"
cat <<DOC | tr a-z A-Z
here: $(for i in {1..20}; do echo -n "$(factorial 5) "; done)
DOC
coproc cat
echo "through a coprocess" >&"${COPROC[1]}"
read -r answer <&"${COPROC[0]}"
echo "$answer"
exec {COPROC[1]}>&-
for i in {1..40}; do (echo "job $i: $(hash_of "job $i")") & done | sort
wait
trap 'echo "left by the trap"' EXIT
eval "generated() { $(printf 'echo %s; ' {1..300}) }"
generated | tail -n 1
[[ "2024-05-17" =~ ^([0-9]+)-([0-9]+) ]] && echo "${BASH_REMATCH[@]}"
mapfile -t lines < <(seq 20000)
echo "${#lines[@]} ${lines[19999]}"
exit 7
BASH
status=0
bash work.bash || status=$?
echo "status $status"
