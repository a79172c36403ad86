#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-scripts.sh: shellcheck finds no error and nothing to warn of in any script.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
if ! command -v shellcheck >/dev/null; then
    echo "skipped: no shellcheck here"
    exit 77
fi
list=$(mktemp)
trap 'rm -f "$list"' EXIT
{
    printf '%s\n' brkmalloc .ci/run completions/brkmalloc
    find command tests examples bench -name '*.sh'
} | sort >"$list"
echo "$(wc -l <"$list") scripts"
xargs shellcheck --severity=warning --external-sources --source-path=SCRIPTDIR <"$list"
