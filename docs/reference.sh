#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Makes the reference of the public headers in build/reference/html. A warning is an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v doxygen >/dev/null || {
    echo "Install doxygen first, as root: apt-get install --no-install-recommends doxygen" >&2
    exit 1
}
mkdir -p build/reference
doxygen docs/Doxyfile
echo "build/reference/html/index.html"
