#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# Runs the fan-out bench: every server in turn, in paired rounds, and a table of medians.
# Usage: run.sh [--rounds=9] [--build=DIR] [--servers="bun ws ..."] [--cases="ws-one ..."]
#               [--base=bun]
#        run.sh --misses [--build=DIR]
# What is measured and how to read it: ../README.md. Any failed run ends it with exit code 1.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
rounds=9
build=
servers=
misses=
base=bun
cases='ws-one ws-burst sse-one sse-burst'
for argument; do
    case $argument in
        --rounds=*) rounds=${argument#*=} ;;
        --build=*) build=${argument#*=} ;;
        --servers=*) servers=${argument#*=} ;;
        --cases=*) cases=${argument#*=} ;;
        --base=*) base=${argument#*=} ;;
        --misses) misses=yes ;;
        *) sed -n '4,8s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
    esac
done

# shellcheck source=bench/support/rounds.sh
. "$root/bench/support/rounds.sh"

# misses WORK: of a delivery of the library's to one of 1,000 streams, in a simulated cache that does
# not hold them all: 32 KiB of level 1, 1 MiB behind it.
misses() {
    valgrind --tool=callgrind --cache-sim=yes --I1=32768,8,64 --D1=32768,8,64 --LL=1048576,16,64 \
        --callgrind-out-file=/dev/null --toggle-collect='*measured*' \
        "$build/bench/streams_count" "$1" 10 1000 2>&1 |
        awk -v work="$1" '
            /^pieces:/ { pieces = $2 }
            /LL misses:/ { gsub(",", "", $4); all = $4 }
            END {
                if (!pieces) exit 1
                printf "%s: %.1f last-level misses per delivery\n", work, all / pieces
            }'
}
if [ -n "$misses" ]; then
    build_bench "$root" "${build:=$root/build-bench}" streams_count
    for work in fan-ws-1 fan-ws-16 fan-sse-1 fan-sse-16; do misses "$work"; done
    exit
fi

# The peers alone build without the library; tidings' server needs the whole project.
all='bun ws beast epoll'
[ ! -f "$here/tidings.cpp" ] || all="tidings $all"
servers=${servers:-$all}
case " $servers " in
    *' tidings'*) source=$root build=${build:-$root/build-bench} ;;
    *) source=$here build=${build:-$root/build-bench-peers} ;;
esac
build_bench "$source" "$build" fanout
programs=$build/fanout
case " $servers " in
    *' bun '* | *' ws '*) bun=$(install_peers) ;;
esac

# run_one server case: one line of figures.
run_one() {
    topic='bench.>'
    case $1 in
        bun) set -- "$2" "$bun" "$here/peers/bun.ts" ;;
        ws) set -- "$2" node "$here/peers/ws.mjs" ;;
        tidings-bare) topic=bench.message && set -- "$2" "$programs/fanout_tidings" bare ;;
        tidings-*) set -- "$2" "$programs/fanout_tidings" "${1#*-}" ;;
        *) set -- "$2" "$programs/fanout_$1" ;;
    esac
    kind=${1%-*}
    case ${1#*-} in
        one) mode='one --messages=400' ;;
        10000) mode='one --subscribers=10000 --messages=60 --warmup=20' ;;
        burst) mode='burst=16 --messages=800' ;;
        *) echo "no such case: $1" >&2; return 1 ;;
    esac
    shift
    # shellcheck disable=SC2086 # the mode brings several words
    "$programs/fanout_load" --kind="$kind" --mode=$mode --topic="$topic" --seconds=300 -- "$@" 0
}

run_rounds "$programs/rounds" "$rounds" "$cases" "$servers" "$support/deliveries.awk"
