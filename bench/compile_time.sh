#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# What including <tidings/bus.hpp> costs a user's unit: the compiler's CPU time, against a unit of
# <memory>, <functional> and <string>. Alternating rounds, the best of five of each; fails where
# the ratio is over 3.
#
#     bench/compile_time.sh [COMPILER]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
compiler=${1:-g++}
limit=3

if [ ! -e include/tidings/bus.hpp ]; then
    echo "skipped: there is no tidings/bus.hpp"
    exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '#include <%s>\n' memory functional string >"$work/std.cpp"
echo '#include <tidings/bus.hpp>' >"$work/bus.cpp"

# CPU milliseconds that compiling the unit took.
cost() {
    local TIMEFORMAT='%3U %3S' spent
    spent=$({ time "$compiler" -std=c++20 -O0 -I include -c "$work/$1.cpp" -o "$work/$1.o"; } 2>&1) ||
        { echo "$spent" >&2 && return 1; }
    awk '{ printf "%d\n", ($1 + $2) * 1000 }' <<<"$spent"
}

best_std='' best_bus=''
for round in 1 2 3 4 5; do
    std=$(cost std)
    bus=$(cost bus)
    echo "round $round: standard headers $std ms, bus.hpp $bus ms"
    if [ -z "$best_std" ] || [ "$std" -lt "$best_std" ]; then best_std=$std; fi
    if [ -z "$best_bus" ] || [ "$bus" -lt "$best_bus" ]; then best_bus=$bus; fi
done
awk -v bus="$best_bus" -v std="$best_std" -v limit=$limit 'BEGIN {
    printf "bus.hpp costs %.2f times the standard headers (limit %d)\n", bus / std, limit
    exit bus > limit * std
}'
