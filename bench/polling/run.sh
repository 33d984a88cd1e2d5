#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# What it costs to wait for an event a minute, by each way to get it, and how late it comes.
# Usage: run.sh [--clients=1000] [--minutes=1] [--minute=60] [--build=DIR]
# --minute: its seconds; the intervals of polling stay 1 s and 10 s. See ../README.md.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
clients=1000
minutes=1
minute=60
build=$root/build-bench
for argument; do
    case $argument in
        --clients=*) clients=${argument#*=} ;;
        --minutes=*) minutes=${argument#*=} ;;
        --minute=*) minute=${argument#*=} ;;
        --build=*) build=${argument#*=} ;;
        *) sed -n '4,6s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
    esac
done
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DTIDINGS_BUILD_BENCH=ON \
    --no-warn-unused-cli > /dev/null
cmake --build "$build" --target polling polling_server

log=$build/bench/polling.txt
: > "$log"
for way in 'poll 1' 'poll 10' long_poll sse websocket webhook; do
    interval=${way#* }
    [ "$interval" != "$way" ] || interval=1
    figures=$("$build/bench/polling" "${way% *}" "$build/bench/polling_server" "$clients" "$minutes" \
        "$minute" "$interval")
    echo "$figures" | tee -a "$log"
done

awk '{
    for (i = 1; i <= NF; ++i) { split($i, pair, "="); f[pair[1]] = pair[2] }
    if (NR == 1) {
        print "\n| way | requests a minute | bytes a minute | server CPU, ms a minute | delay, median | 99 % |"
        print "|---|---|---|---|---|---|"
    }
    printf "| %s | %d | %d | %.1f | %.1f ms | %.1f ms |\n", f["way"], f["requests"], f["bytes"], \
        f["cpu_ms"], f["delay_median_ms"], f["delay_99_ms"]
}' "$log"
