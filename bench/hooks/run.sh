#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# Runs the bench of REST hooks: each work with 1,000, 10,000 and 100,000 subscriptions, in rounds.
# Usage: run.sh [--rounds=9] [--sizes="1000 10000 100000"] [--works="memory-1 ..."] [--folder=DIR]
#               [--build=DIR]
#        run.sh --instructions [--sizes=...] [--works=...]
# --folder: where the files are made, for a while; a temporary folder if it is not given.
# --instructions: of an event that is published, by callgrind.
# What is measured and how to read it: ../README.md. Any failed run ends it with exit code 1.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
rounds=9
sizes='1000 10000 100000'
works=
folder=
instructions=
build=$root/build-bench
for argument; do
    case $argument in
        --rounds=*) rounds=${argument#*=} ;;
        --sizes=*) sizes=${argument#*=} ;;
        --works=*) works=${argument#*=} ;;
        --folder=*) folder=${argument#*=} ;;
        --instructions) instructions=yes ;;
        --build=*) build=${argument#*=} ;;
        *) sed -n '4,10s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
    esac
done

# shellcheck source=bench/support/rounds.sh
. "$root/bench/support/rounds.sh"
# shellcheck disable=SC2034 # read by rounds.sh
build_options=-DTIDINGS_SQLITE=ON
build_bench "$root" "$build" hooks
programs=$build/bench
folder=$(mktemp -d "${folder:-${TMPDIR:-/tmp}}/tidings-bench.XXXXXX")
trap 'rm -rf "$folder"' EXIT

if [ -n "$instructions" ]; then
    echo '| work | subscriptions | instructions of an event |'
    echo '|---|---|---|'
    for work in ${works:-memory-1 memory-10}; do
        for size in $sizes; do
            rm -f "$folder"/*
            valgrind --tool=callgrind --instr-atstart=no --callgrind-out-file="$folder/counts" \
                "$programs/hooks" "$work" "$size" "$folder/f" > "$folder/figures" 2> "$folder/errors" ||
                { cat "$folder/errors" >&2; exit 1; }
            total=$(sed -n 's/^\(summary\|totals\): \([0-9]*\).*/\2/p' "$folder/counts" | head -n 1)
            events=$(sed 's/.* events=\([0-9]*\).*/\1/' "$folder/figures")
            echo "| $work | $size | $((total / events)) |"
        done
    done
    exit
fi

# The sizes are what takes turns: ratios are to the first.
run_one() {
    rm -f "$folder"/*
    "$programs/hooks" "$2" "$1" "$folder/f"
}

# shellcheck disable=SC2034 # read by rounds.sh
base=${sizes%% *} who=subscriptions
run_rounds "$programs/hooks_rounds" "$rounds" \
    "${works:-memory-1 memory-10 file-1 file-10 memory-api file-api memory-lease}" "$sizes" \
    "$here/table.awk"
