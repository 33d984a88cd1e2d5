#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# What a delivery costs the server with and without subscribers that take nothing.
# Usage: run.sh [--rounds=9] [--build=DIR] [--cases="ws-one ..."] [--readers=900] [--stalled=100]
# The load generator, the server and their options: ../README.md, fanout. Any failed run ends it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
rounds=9
build=$root/build-bench
cases='ws-one ws-burst sse-one sse-burst'
readers=900
stalled=100
for argument; do
    case $argument in
        --rounds=*) rounds=${argument#*=} ;;
        --build=*) build=${argument#*=} ;;
        --cases=*) cases=${argument#*=} ;;
        --readers=*) readers=${argument#*=} ;;
        --stalled=*) stalled=${argument#*=} ;;
        *) sed -n '4,5s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
    esac
done

# shellcheck source=bench/support/rounds.sh
. "$root/bench/support/rounds.sh"
build_bench "$root" "$build" fanout_load fanout_tidings
programs=$build/fanout

# 6 MB first: the kernel keeps some 4 MB for a connection that takes nothing.
run_one() { # STALLED CASE
    case ${2#*-} in
        one) mode='one --messages=200' ;;
        burst) mode='burst=16 --messages=800' ;;
        *) echo "no such case: $2" >&2; return 1 ;;
    esac
    # shellcheck disable=SC2086 # the mode brings two words
    "$programs/fanout_load" --kind="${2%-*}" --mode=$mode --bytes=1024 --fill=6000 --warmup=64 \
        --subscribers="$readers" --stalled="$1" --seconds=300 -- "$programs/fanout_tidings" 0
}

run_rounds "$programs/isolation" "$rounds" "$cases" "0 $stalled" "$here/table.awk"
