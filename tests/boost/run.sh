#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Builds and runs the units of this folder against another Boost than this machine's.
#
#     tests/boost/run.sh BUILD_FOLDER COMPILER [LAUNCHER]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=$1 compiler=$2 launcher=${3:-}
headers=$build/boost-1.88
cmake/boost_headers.sh trixie 1.88 "$headers"
mkdir -p "$build/tests/boost"
for unit in tests/boost/*.cpp; do
    program=$build/tests/boost/$(basename "$unit" .cpp)
    # Its own headers first: -isystem would come behind a -I of the system's.
    ${launcher:+"$launcher"} "$compiler" -std=c++20 -O0 -w -DBOOST_ASIO_NO_DEPRECATED \
        -I "$headers/usr/include" -I include -c "$unit" -o "$program.o"
    "$compiler" "$program.o" -o "$program" -lssl -lcrypto -pthread
    "$program"
    echo "$unit: built against Boost 1.88, ran"
done
