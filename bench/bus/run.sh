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
cmake --build "$build" --target bus_bench bus_threads

"$build/bench/bus_bench" "$rounds" | tee "$build/bench/bus.md"
"$build/bench/bus_threads" "$rounds" | tee -a "$build/bench/bus.md"

# count CASE WHO: one line of a table.
count() {
    times=1000
    instructions=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        --toggle-collect='measured*' "$build/bench/bus_bench" count "$1" "$2" $times 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\)$/\1/p')
    if [ "$instructions" -gt 0 ]; then echo "| $1 | $2 | $((instructions / times)) |"; fi
}
command -v valgrind > /dev/null || exit 0
{
    echo '| case | who | instructions |'
    echo '|---|---|---|'
    for case in prepared-1 prepared-10 prepared-100 prepared-1000 new-1 history-1 subscribe-1000; do
        for who in loop std::function tidings Signals2 libsigc++; do count "$case" "$who"; done
    done
} | tee -a "$build/bench/bus.md"
