#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# Runs the bench of webhooks: every sender in turn, in paired rounds, and a table of medians.
# Usage: run.sh [--rounds=9] [--build=DIR] [--senders="tidings epoll curl"] [--cases="one-origin ..."]
# What is measured and how to read it: ../README.md. Any failed run ends it with exit code 1.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
rounds=9
build=$root/build-bench
senders='tidings epoll curl'
cases='one-origin many-origins'
for argument; do
    case $argument in
        --rounds=*) rounds=${argument#*=} ;;
        --build=*) build=${argument#*=} ;;
        --senders=*) senders=${argument#*=} ;;
        --cases=*) cases=${argument#*=} ;;
        *) sed -n '4,6s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
    esac
done

# shellcheck source=bench/support/rounds.sh
. "$root/bench/support/rounds.sh"
targets=webhooks_load
for sender in $senders; do targets="$targets webhooks_$sender"; done
# shellcheck disable=SC2086 # several targets
build_bench "$root" "$build" $targets
programs=$build/bench

# run_one sender case: one line of figures.
run_one() { "$programs/webhooks_load" "$2" -- "$programs/webhooks_$1"; }

# shellcheck disable=SC2034 # read by run_rounds
base=epoll who=sender
run_rounds "$programs/webhooks_rounds" "$rounds" "$cases" "$senders" "$support/deliveries.awk"
