#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# run.sh PROGRAM: webhooks of tidings beside the packages of vendors, both ways.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")"
export NODE_ENV=test # what the runners of vendors' own documentation set
for suite in *.test.mjs; do
    node --test-reporter=spec "$suite" "$program"
done
