#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Installs the npm packages that tests need, where they are not there already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
for folder in examples/hub/check tests/browser tests/interop; do
    (
        cd "$folder"
        flock 9
        [[ package-lock.json -ot node_modules/.package-lock.json ]] || npm ci --fetch-retries=5
    ) 9<"$folder/package-lock.json"
done
