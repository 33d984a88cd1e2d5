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

# shellcheck source=bench/support/rounds.sh
. "$root/bench/support/rounds.sh"
build_bench "$root" "$build" streams_load streams_tidings streams_beast
programs=$build/bench
case " $servers " in
    *' bun '*) bun=$(install_peers) ;;
esac

# run_one server work: one line of figures.
run_one() {
    case $1 in
        bun) set -- "$2" "$bun" "$here/peers/bun.ts" ;;
        *) set -- "$2" "$programs/streams_$1" ;;
    esac
    work=$1
    shift
    "$programs/streams_load" "$work" -- "$@" 0
}

run_rounds "$programs/streams_rounds" "$rounds" "$works" "$servers" "$here/table.awk"
