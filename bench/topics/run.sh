#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# Runs the bench of topics and patterns: paired rounds, beside another version where one is given.
# Usage: run.sh [--rounds=9] [--against=DIR] [--build=DIR] [PATTERNS...]
# DIR: a tree of that version, e.g. `git worktree add DIR v0.1.0`. Its library becomes one unit.
# What is measured and how to read it: ../README.md.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
rounds=9
build=$root/build-bench
against=
sizes=
for argument; do
    case $argument in
        --rounds=*) rounds=${argument#*=} ;;
        --against=*) against=${argument#*=} ;;
        --build=*) build=${argument#*=} ;;
        [0-9]*) sizes="$sizes $argument" ;;
        *) sed -n '4,6s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
    esac
done
mkdir -p "$build/topics"

# program NAME TREE: one program, from this main and the library of a tree.
program() {
    if [ ! -e "$build/topics/$1.o" ]; then
        echo '#include <tidings/src.hpp>' |
            ${CXX:-g++} -std=c++20 -O2 -DNDEBUG -I "$2/include" -x c++ -c - -o "$build/topics/$1.o"
    fi
    ${CXX:-g++} -std=c++20 -O2 -DNDEBUG -I "$2/include" "$root/bench/topics/main.cpp" \
        "$build/topics/$1.o" -o "$build/topics/$1" -lssl -lcrypto -pthread
}
rm -f "$build/topics/here.o"
program here "$root"
if [ -n "$against" ]; then program against "$against"; fi

round=0
while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    for who in here ${against:+against}; do
        # shellcheck disable=SC2086 # the sizes are words
        "$build/topics/$who" $sizes | sed "s/^/$who /"
    done
done | tee "$build/topics/rounds.txt"

# The median of each case, and of the ratios to the other version in the same round.
awk '
function median(text, a, n) {
    n = split(text, a, " ")
    for (i = 2; i <= n; ++i)
        for (j = i; j > 1 && a[j] + 0 < a[j - 1] + 0; --j) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
    return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
}
{
    if (!($2 in seen)) { seen[$2] = 1; order[++cases] = $2 }
    all[$1, $2] = all[$1, $2] " " $3
    count = ++times[$1, $2]
    at[$1, $2, count] = $3
    if ($1 == "against") ratios[$2] = ratios[$2] " " sprintf("%.2f", at["here", $2, count] / $3)
}
END {
    print "| case | here | against | ratio | in each round |"
    print "|---|---|---|---|---|"
    for (c = 1; c <= cases; ++c) {
        name = order[c]
        other = ("against", name) in all
        printf "| %s | %.2f | %s | %s |%s |\n", name, median(all["here", name]),
            other ? sprintf("%.2f", median(all["against", name])) : "",
            other ? sprintf("%.2f", median(ratios[name])) : "", ratios[name]
    }
}' "$build/topics/rounds.txt" | tee "$build/topics/table.md"
