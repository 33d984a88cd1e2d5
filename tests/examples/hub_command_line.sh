#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# hub_command_line.sh PROGRAM: mistakes on the command line are named, and end with 2.
set -uo pipefail
hub=$1
wrong() { # WHAT IT MUST SAY, ARGUMENTS...
    local said status
    said=$("$hub" "${@:2}" 2>&1 >/dev/null)
    status=$?
    [[ $status == 2 && $said == *"$1"* ]] && return
    echo "hub ${*:2}: ended with $status and said: $said"
    exit 1
}
"$hub" --help | grep -q -- '--listen' || { echo "--help says nothing"; exit 1; }
wrong 'needs --token' --listen 0.0.0.0:0
wrong 'needs --token' --listen '[::]:0'
wrong 'loopback' --admin 0.0.0.0:0
wrong 'HOST:PORT' --listen localhost
wrong 'HOST:PORT' --listen 127.0.0.1:100000
wrong 'unknown option' --lisen 127.0.0.1:0
wrong 'no value' --token
wrong '--log-level must be' --log-level loud
wrong '--on-damaged must be' --on-damaged repair
wrong 'needs --data' --key-file /dev/null
wrong 'go together' --webhook http://127.0.0.1:1/
