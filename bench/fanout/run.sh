#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# Runs the fan-out bench: every server in turn, in paired rounds, and a table of medians.
# Usage: run.sh [--rounds=9] [--build=DIR] [--servers="bun ws ..."] [--cases="ws-one ..."]
# What is measured and how to read it: ../README.md. Any failed run ends it with exit code 1.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
rounds=9
build=
servers=
cases='ws-one ws-burst sse-one sse-burst'
for argument; do
    case $argument in
        --rounds=*) rounds=${argument#*=} ;;
        --build=*) build=${argument#*=} ;;
        --servers=*) servers=${argument#*=} ;;
        --cases=*) cases=${argument#*=} ;;
        *) sed -n '4,6s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
    esac
done

# The peers alone build without the library; tidings' server needs the whole project.
all='bun ws beast epoll'
[ ! -f "$here/tidings.cpp" ] || all="tidings $all"
servers=${servers:-$all}
case " $servers " in
    *' tidings '*) source=$root build=${build:-$root/build-bench} ;;
    *) source=$here build=${build:-$root/build-bench-peers} ;;
esac
# shellcheck source=bench/support/rounds.sh
. "$root/bench/support/rounds.sh"
build_bench "$source" "$build" fanout
programs=$build/fanout
case " $servers " in
    *' bun '* | *' ws '*) bun=$(install_peers) ;;
esac

# run_one server case: one line of figures.
run_one() {
    case $1 in
        bun) set -- "$2" "$bun" "$here/peers/bun.ts" ;;
        ws) set -- "$2" node "$here/peers/ws.mjs" ;;
        *) set -- "$2" "$programs/fanout_$1" ;;
    esac
    kind=${1%-*}
    case ${1#*-} in
        one) mode='one --messages=400' ;;
        burst) mode='burst=16 --messages=800' ;;
        *) echo "no such case: $1" >&2; return 1 ;;
    esac
    shift
    # shellcheck disable=SC2086 # the mode brings two words
    "$programs/fanout_load" --kind="$kind" --mode=$mode --seconds=300 -- "$@" 0
}

run_rounds "$programs/rounds" "$rounds" "$cases" "$servers" "$here/table.awk"
