#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# Runs the bench of streams: every server in turn, in paired rounds, and a table of medians.
# Usage: run.sh [--rounds=9] [--build=DIR] [--servers="tidings bun beast"] [--works="post-service ..."]
# What is measured and how to read it: ../README.md. Any failed run ends it with exit code 1.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
rounds=9
build=$root/build-bench
servers='tidings bun beast'
works='post-service post-function echo-16x32 echo-16x1024 echo-1x32 idle-ws idle-sse'
for argument; do
    case $argument in
        --rounds=*) rounds=${argument#*=} ;;
        --build=*) build=${argument#*=} ;;
        --servers=*) servers=${argument#*=} ;;
        --works=*) works=${argument#*=} ;;
        *) sed -n '4,6s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
    esac
done

cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DTIDINGS_BUILD_BENCH=ON \
    --no-warn-unused-cli > /dev/null
cmake --build "$build" --target streams_load streams_tidings streams_beast
programs=$build/bench

peers=$root/bench/fanout # where Bun is pinned
case " $servers " in
    *' bun '*)
        installed=$peers/node_modules/.package-lock.json
        if [ -z "$(find "$installed" -newer "$peers/package-lock.json" 2> /dev/null)" ]; then
            (cd "$peers" && npm ci)
        fi
        ;;
esac

# run_one server work: one line of figures.
run_one() {
    case $1 in
        bun) set -- "$2" "$peers/node_modules/@oven/bun-linux-x64/bin/bun" "$here/peers/bun.ts" ;;
        *) set -- "$2" "$programs/streams_$1" ;;
    esac
    work=$1
    shift
    "$programs/streams_load" "$work" -- "$@" 0
}

log=$programs/streams_rounds.txt
: > "$log"
round=1
while [ "$round" -le "$rounds" ]; do
    for work in $works; do
        for server in $servers; do
            figures=$(run_one "$server" "$work") || {
                echo "round $round: $server failed in $work" >&2
                exit 1
            }
            echo "round=$round server=$server $figures" | tee -a "$log"
        done
    done
    # Another one begins the next round, so that none always runs behind the same neighbour.
    servers="${servers#* } ${servers%% *}"
    round=$((round + 1))
done

awk -f "$here/table.awk" "$log" | tee "$programs/streams_table.md"
