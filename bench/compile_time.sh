#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# What including tidings costs a user's unit, in the compiler's CPU time, against what such a unit
# includes anyway. Alternating rounds; the least of five times of each unit, as other users of the
# machine only ever add to a time; fails where a limit is passed.
#
#     bench/compile_time.sh [COMPILER]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
compiler=${1:-g++}

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

# CPU milliseconds that compiling the unit took.
cost() {
    local TIMEFORMAT='%3U %3S' spent
    spent=$({ time "$compiler" -std=c++20 -O0 -I include -c "$work/$1.cpp" -o "$work/$1.o"; } 2>&1) ||
        { echo "$spent" >&2 && return 1; }
    awk '{ printf "%d\n", ($1 + $2) * 1000 }' <<<"$spent"
}

declare -A spent_on
for round in 1 2 3 4 5; do
    line="round $round:"
    for name in standard bus asio_and_json websocket everything; do
        ms=$(cost "$name")
        line+=" $name $ms ms,"
        spent_on[$name]+=" $ms"
    done
    echo "${line%,}"
done

least() { # least NAME
    tr ' ' '\n' <<<"${spent_on[$1]# }" | sort -n | head -1
}

failed=0
limit() { # limit WHAT NAME REFERENCE FACTOR
    awk -v spent="$(least "$2")" -v reference="$(least "$3")" -v what="$1" -v of="$3" -v limit="$4" 'BEGIN {
        printf "%s costs %.2f times %s (limit %s)\n", what, spent / reference, of, limit
        exit spent / reference > limit
    }' || failed=1
}
limit tidings/bus.hpp bus standard 3
limit tidings/tidings.hpp everything asio_and_json 1
limit tidings/websocket/service.hpp websocket asio_and_json 0.5
exit $failed
