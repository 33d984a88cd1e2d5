#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# Runs the bench of webhooks: every sender in turn, in paired rounds, and a table of medians.
# Usage: run.sh [--rounds=9] [--build=DIR] [--senders="tidings epoll curl"] [--cases="one-origin ..."]
#        run.sh --receiver [--rounds=9] [--build=DIR]
# What is measured and how to read it: ../README.md. Any failed run ends it with exit code 1.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
rounds=9
build=$root/build-bench
senders='tidings epoll curl'
cases='one-origin many-origins'
receiver=
for argument; do
    case $argument in
        --rounds=*) rounds=${argument#*=} ;;
        --build=*) build=${argument#*=} ;;
        --senders=*) senders=${argument#*=} ;;
        --receiver) receiver=yes ;;
        --cases=*) cases=${argument#*=} ;;
        *) sed -n '4,7s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
    esac
done

# shellcheck source=bench/support/rounds.sh
. "$root/bench/support/rounds.sh"
programs=$build/bench
# shellcheck disable=SC2034,SC2154 # read, and set, by rounds.sh
if [ -n "$receiver" ]; then
    build_bench "$root" "$build" webhooks_post webhooks_receiver
    base=unsigned who=receiver
    run_one() {
        case $1 in
            unsigned) set -- unsigned 0 ;;
            *) set -- 0 ;;
        esac
        "$programs/webhooks_post" -- "$programs/webhooks_receiver" "$@"
    }
    run_rounds "$programs/webhooks_receiver_rounds" "$rounds" receiver 'verified unsigned' \
        "$support/deliveries.awk"
    exit
fi
targets=webhooks_load
for sender in $senders; do targets="$targets webhooks_$sender"; done
# shellcheck disable=SC2086 # several targets
build_bench "$root" "$build" $targets

# run_one sender case: one line of figures.
run_one() { "$programs/webhooks_load" "$2" -- "$programs/webhooks_$1"; }

# shellcheck disable=SC2034,SC2154 # read, and set, by rounds.sh
base=epoll who=sender
run_rounds "$programs/webhooks_rounds" "$rounds" "$cases" "$senders" "$support/deliveries.awk"
