#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# run.sh DIR: starts the hub in DIR and tests its page in a real Chromium. Screenshots are kept in
# DIR/screenshots. 77: there is no Chromium.
set -euo pipefail
programs=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")"
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo "skipped: no chromium"
    exit 77
}
log=$(mktemp)
"$programs/hub" --listen 127.0.0.1:0 --admin 127.0.0.1:0 >"$log" 2>&1 &
hub=$!
trap 'kill -INT "$hub" 2>/dev/null || true; wait "$hub" || true; rm -f "$log"' EXIT
address() { # PREFIX
    local turn
    for ((turn = 0; turn < 200; ++turn)); do
        sed -n "s/^hub: $1 on //p" "$log" | grep . && return
        kill -0 "$hub" || break
        sleep 0.1
    done
    cat "$log"
    return 1
}
node page.test.mjs "$(address listening)" "$(address admin)" "$programs/screenshots" "$chromium"
