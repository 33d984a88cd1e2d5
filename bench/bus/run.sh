#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# Runs the bench of the bus: paired rounds by time, and where valgrind is there instructions.
# Usage: run.sh [--rounds=9] [--build=DIR]
# What is measured and how to read it: ../README.md.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
rounds=9
build=$root/build-bench
for argument; do
    case $argument in
        --rounds=*) rounds=${argument#*=} ;;
        --build=*) build=${argument#*=} ;;
        *) sed -n '4,6s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
    esac
done
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DTIDINGS_BUILD_BENCH=ON \
    --no-warn-unused-cli > /dev/null
cmake --build "$build" --target bus_bench bus_delivery bus_threads

{
    "$build/bench/bus_bench" "$rounds"
    "$build/bench/bus_delivery" "$rounds"
    "$build/bench/bus_threads" "$rounds"
} | tee "$build/bench/bus.md"

# count PROGRAM CASE WHO [TIMES] [OPERATIONS]: one line of a table.
count() {
    times=${4:-1000}
    instructions=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        --toggle-collect='*measured*' "$build/bench/$1" count "$2" "$3" "$times" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\)$/\1/p')
    if [ "$instructions" -gt 0 ]; then
        echo "| $2 | $3 | $((instructions / times / ${5:-1})) |"
    fi
}
command -v valgrind > /dev/null || exit 0
{
    echo '| case | who | instructions |'
    echo '|---|---|---|'
    for case in prepared-1 prepared-10 prepared-100 prepared-1000 new-1 history-1 subscribe-1000; do
        for who in loop std::function tidings Signals2 libsigc++; do
            count bus_bench "$case" "$who"
        done
    done
    for burst in 1 16; do
        for who in rings posts tidings; do
            count bus_delivery posted-$burst "$who" 100 $((100 * burst))
        done
        for who in posts channel 'channel, coroutine' tidings 'tidings, deferred' \
            'tidings, coroutine' 'tidings, batches'; do
            count bus_delivery receive-$burst "$who" 1000 $burst
        done
    done
} | tee -a "$build/bench/bus.md"
