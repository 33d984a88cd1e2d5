#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# run.sh DIR: tests the pages of the hub in DIR in a real Chromium. Screenshots are kept in
# DIR/screenshots. 77: there is no Chromium.
set -euo pipefail
programs=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")"
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo "skipped: no chromium"
    exit 77
}
for page in page portal; do
    node "$page.test.mjs" "$programs/hub" "$programs/screenshots" "$chromium"
done
