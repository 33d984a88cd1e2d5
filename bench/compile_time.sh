#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# What including tidings costs a user's unit, in the compiler's instructions, counted by valgrind,
# against what such a unit includes anyway: the same in each run, whatever else the machine does.
# Fails where a limit is passed. The limits are what g++ 12 took when they were set, and 2 %.
#
#     bench/compile_time.sh [COMPILER]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
compiler=${1:-g++}
if ! command -v valgrind >/dev/null || ! "$compiler" --version | grep -q '^g++'; then
    echo "needs valgrind and g++"
    exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unit() { # unit NAME HEADER...
    printf '#include <%s>\n' "${@:2}" >"$work/$1.cpp"
}
unit standard memory functional string
unit asio_and_json boost/asio.hpp nlohmann/json.hpp
unit bus tidings/bus.hpp
unit websocket tidings/websocket/service.hpp
unit everything tidings/tidings.hpp

# Millions of instructions that compiling the unit took, without the assembler's.
cost() {
    local said
    said=$("$compiler" -std=c++20 -O0 -I include -S "$work/$1.cpp" -o "$work/$1.s" -wrapper \
        valgrind,--tool=cachegrind,--cache-sim=no,--cachegrind-out-file=/dev/null 2>&1) ||
        { echo "$said" >&2 && return 1; }
    sed -n 's/.*I *refs: *//p' <<<"$said" | tr -d , | awk '{ printf "%d\n", $1 / 1000000 }'
}

declare -A spent_on
for name in standard bus asio_and_json websocket everything; do
    spent_on[$name]=$(cost "$name")
    echo "$name: ${spent_on[$name]} million instructions"
done

failed=0
limit() { # limit WHAT NAME REFERENCE FACTOR
    awk -v spent="${spent_on[$2]}" -v reference="${spent_on[$3]}" -v what="$1" -v of="$3" -v limit="$4" 'BEGIN {
        printf "%s costs %.3f times %s (limit %s)\n", what, spent / reference, of, limit
        exit !(spent > 0) || spent / reference > limit
    }' || failed=1
}
limit tidings/bus.hpp bus standard 2.7
limit tidings/tidings.hpp everything asio_and_json 1
limit tidings/websocket/service.hpp websocket asio_and_json 0.51
exit $failed
