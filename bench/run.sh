#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# Runs every bench of paired rounds, one after another: about an hour and a half by nine rounds on two
# quiet processors.
# Usage: run.sh [--rounds=9] [--against=DIR]
# DIR: a tree of an older version, beside which topics are measured (`git worktree add DIR v0.1.0`).
# The tables go to standard output, and beside each bench's programs in build-bench. A failed one does
# not end the others; its name stands at the end, and the exit code is 1.
set -u

here=$(cd "$(dirname "$0")" && pwd)
rounds=9
against=
for argument; do
    case $argument in
        --rounds=*) rounds=${argument#*=} ;;
        --against=*) against=$argument ;;
        *) sed -n '4,9s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
    esac
done

failed=
bench() { # NAME ARGUMENTS...
    echo "== $*"
    name=$1
    shift
    "$here/$name/run.sh" --rounds="$rounds" "$@" || failed="$failed $name"
}
bench fanout --servers='tidings bun epoll'
bench fanout --servers='tidings bun epoll' --cases=ws-10000
bench fanout --servers='tidings tidings-bare tidings-any tidings-lanes' --cases='ws-one ws-burst' \
    --base=tidings
bench streams
bench webhooks
bench webhooks --receiver
bench sqlite
bench hooks
bench isolation
bench topics ${against:+"$against"}
bench bus
[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
