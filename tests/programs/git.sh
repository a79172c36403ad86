#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: git:git
# Serves: git
# Runs: 200 commits, branches, merges, repacking, a clone
set -eu
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=Author GIT_AUTHOR_EMAIL=author@example.org
export GIT_COMMITTER_NAME=Committer GIT_COMMITTER_EMAIL=committer@example.org
git init -q -b main repo
cd repo
git config gc.auto 0
mkdir dir
for i in $(seq 200); do
    GIT_AUTHOR_DATE="$((1600000000 + i * 60)) +0000"
    GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
    export GIT_AUTHOR_DATE GIT_COMMITTER_DATE
    seq "$i" $((i + 300)) >"dir/file$((i % 20))"
    echo "line $i" >>log
    git add .
    git commit -q -m "commit $i"
    if [ "$i" = 100 ]; then
        git branch side
    fi
done
git rev-parse HEAD
git checkout -q side
echo other >other
git add other
git commit -q -m "on the side"
git checkout -q main
git merge -q -m "merge" side
git log --graph --oneline --all | sha256sum
git log -p --stat | sha256sum
git fsck --full --strict 2>&1
git count-objects
git gc -q --prune=now
git count-objects
git fsck --full 2>&1
git rev-list --objects --all | sort | sha256sum
git blame log | sha256sum
git grep -c 250 HEAD
git diff HEAD~50 HEAD | sha256sum
git archive HEAD | sha256sum
git clone -q --bare . ../copy.git
git -C ../copy.git repack -q -a -d -f --threads=4
git -C ../copy.git fsck --full 2>&1
git -C ../copy.git rev-parse main side
git checkout -q -b topic HEAD~20
for i in 1 2 3; do
    echo "topic $i" >topic$i
    git add topic$i
    git commit -q -m "topic $i"
done
git rebase -q main
git rev-parse HEAD
git status --short
