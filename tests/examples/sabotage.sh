#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# sabotage.sh ROUTE DIR: the check must notice one event lost on the route, and nothing else.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
# What a failed check keeps for a look at it goes with the test.
TMPDIR=$(mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
out=$(examples/run.sh --check --sabotage "$1" --bin "$2" 2>&1)
status=$?
echo "$out"
sent=$(sed -n "s/^route $1 sent \([0-9]*\) .*/\1/p" <<<"$out")
[[ $status == 1 && $sent ]] || { echo "ended with $status"; exit 1; }
grep -q "^route $1 sent $sent received $((sent - 1)) " <<<"$out" || exit 1
[[ $(grep -c "^route .* sent $sent received $sent distinct $sent order ok " <<<"$out") == 4 ]]
