#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# Runs the bench of the file: a history and an outbox in SQLite beside SQLite alone, in paired rounds,
# and the history while 1,000 clients replay.
# Usage: run.sh [--rounds=9] [--events=50000] [--readers=1000] [--folder=DIR] [--build=DIR]
# --folder: where the files are made, for a while; a temporary folder if it is not given.
# What is measured and how to read it: ../README.md. Any failed run ends it with exit code 1.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
rounds=9
events=50000
readers=1000
folder=
build=$root/build-bench
for argument; do
    case $argument in
        --rounds=*) rounds=${argument#*=} ;;
        --events=*) events=${argument#*=} ;;
        --readers=*) readers=${argument#*=} ;;
        --folder=*) folder=${argument#*=} ;;
        --build=*) build=${argument#*=} ;;
        *) sed -n '4,8s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
    esac
done

# shellcheck source=bench/support/rounds.sh
. "$root/bench/support/rounds.sh"
# shellcheck disable=SC2034 # read by rounds.sh
build_options=-DTIDINGS_SQLITE=ON
build_bench "$root" "$build" sqlite_tidings sqlite_loop sqlite_outbox sqlite_outbox_loop
programs=$build/bench
folder=$(mktemp -d "${folder:-${TMPDIR:-/tmp}}/tidings-bench.XXXXXX")
trap 'rm -rf "$folder"' EXIT

# The loop gets the file that tidings has left, and its groups are as large as those were.
run_one() {
    case $1 in
        tidings)
            rm -f "$folder"/*
            "$programs/$ours" "$folder/f" "$events" "$2" | tee "$folder/figures"
            ;;
        loop)
            group=$(sed 's/.*group=\([0-9]*\).*/\1/' "$folder/figures")
            "$programs/$alone" "$folder/f" "$events" "$group"
            ;;
    esac
}

# shellcheck disable=SC2034 # read by rounds.sh; the loop always runs behind tidings
base=loop who=program fixed_order=yes
ours=sqlite_tidings alone=sqlite_loop
run_rounds "$programs/sqlite_rounds" "$rounds" '16 256' 'tidings loop' "$here/table.awk"

echo
echo "The outbox:"
ours=sqlite_outbox alone=sqlite_outbox_loop
run_rounds "$programs/sqlite_outbox_rounds" "$rounds" '16 256' 'tidings loop' "$here/table.awk"

echo
echo "With $readers clients that replay meanwhile, 256 publications waiting:"
rm -f "$folder"/*
"$programs/sqlite_tidings" "$folder/f" "$events" 256 "$readers"
