#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Builds tidings and runs every test but the long ones. Sets itself up on a fresh Debian 12.
#
#     tests/run.sh                  the result is ctest's closing lines
#     tests/run.sh --fresh-check    the same, and the examples, in a new Debian 12 (needs root)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case ${1:-} in
    "") ;;
    --fresh-check) exec tests/fresh_check.sh ;;
    *)
        echo "usage: tests/run.sh [--fresh-check]" >&2
        exit 2
        ;;
esac

# shellcheck source=cmake/setup_debian.sh
. cmake/setup_debian.sh
tidings_setup build node browser

cmake --preset dev
cmake --build --preset dev
exec ctest --preset dev --parallel "$(nproc)"
