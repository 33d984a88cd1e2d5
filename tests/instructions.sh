#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Instructions per publication on a bus, by callgrind: what a release build takes, without the noise
# of a clock. Fails where a limit is passed. The walks are those of bench/bus/count.cpp.
#
#     tests/instructions.sh BUILD_FOLDER [COMPILER [LAUNCHER]]
#
# The limits are what g++ 12 on x86-64 took when they were set, and 5 %; elsewhere the figures are
# only printed. A change that makes the library quicker lowers them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$1/tests/instructions compiler=${2:-g++} launcher=${3:-}
if ! command -v valgrind >/dev/null; then
    echo "no valgrind"
    exit 77
fi

mkdir -p "$work"
printf '#include <tidings/io/impl/%s.ipp>\n' clock random unique_id >"$work/io.cpp"
objects=()
for unit in src/{bus,core,lane,store}.cpp "$work/io.cpp" bench/bus/count.cpp; do
    object=$work/$(basename "$unit" .cpp).o
    ${launcher:+"$launcher"} "$compiler" -std=c++20 -O2 -DNDEBUG -fvisibility=hidden \
        -fvisibility-inlines-hidden -I include -c "$unit" -o "$object"
    objects+=("$object")
done
"$compiler" "${objects[@]}" -o "$work/count" -lcrypto -pthread

limited=false
if [ "$(uname -m)" = x86_64 ] && "$compiler" --version | grep -q '^g++.* 12\.'; then limited=true; fi

times=1000 failed=0
walk() { # walk NAME LIMIT
    local count
    count=$(valgrind --tool=callgrind --callgrind-out-file="$work/$1.callgrind" \
        --toggle-collect='measured*' "$work/count" "$1" $times 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\)$/\1/p')
    count=$((count / times))
    echo "$1: $count instructions (limit $2)"
    if $limited && [ "$count" -gt "$2" ]; then failed=1; fi
    if [ "$count" -lt 20 ]; then failed=1; fi # nothing was counted
}
walk prepared-1 166
walk prepared-10 270
walk prepared-100 1310
walk new-1 1020
walk history-1 2350
$limited || echo "another compiler or processor than the limits are for"
exit $failed
