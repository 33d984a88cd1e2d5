#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Instructions of a publication on a bus, of a POST, an echoed message or a delivery to a stream of a
# server, and of a webhook's delivery, by callgrind: what a release build takes, without the noise of
# a clock. Fails where a limit is passed, a turn takes more than one send to a stream, or a delivery
# more than one. The walks are those of bench/bus/count.cpp, bench/streams/count.cpp and
# bench/webhooks/count.cpp.
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
printf '#include <tidings/io/impl/%s.ipp>\n' clock random unique_id >"$work/some_io.cpp"
program() { # program NAME UNIT...: links it with -lcrypto -lssl
    local name=$1 unit object objects=()
    shift
    for unit; do
        object=$work/$(echo "$unit" | tr / _).o
        ${launcher:+"$launcher"} "$compiler" -std=c++20 -O2 -DNDEBUG -fvisibility=hidden \
            -fvisibility-inlines-hidden -I include -c "$unit" -o "$object"
        objects+=("$object")
    done
    "$compiler" "${objects[@]}" -o "$work/$name" -lssl -lcrypto -pthread
}
program bus src/{bus,core,filter,lane,store}.cpp "$work/some_io.cpp" bench/bus/count.cpp
program streams src/{bus,codec,core,filter,http,inlet,io,lane,outlet,rest,sse,store,websocket}.cpp \
    bench/streams/count.cpp
program webhooks src/{bus,codec,core,filter,http,inlet,io,lane,outlet,store,webhook}.cpp \
    bench/webhooks/count.cpp

limited=false
if [ "$(uname -m)" = x86_64 ] && "$compiler" --version | grep -q '^g++.* 12\.'; then limited=true; fi

times=1000 failed=0
count() { # count PROGRAM WALK LIMIT [ALLOCATIONS [DELIVERIES [HANDLERS]]]: of one piece of work
    local said pieces count allocations handlers
    said=$(valgrind --tool=callgrind --callgrind-out-file="$work/$2.callgrind" \
        --toggle-collect='*measured*' "$work/$1" "$2" $times 2>&1)
    pieces=$(sed -n 's/^pieces: \([0-9]*\) .*/\1/p' <<<"$said")
    allocations=$(sed -n 's/.* allocations: \([0-9]*\)$/\1/p' <<<"$said")
    handlers=$(sed -n 's/.* handlers: \([0-9]*\) .*/\1/p' <<<"$said")
    count=$(sed -n 's/.*Collected : \([0-9]*\)$/\1/p' <<<"$said")
    count=$((count / ${pieces:-$times} / ${5:-1}))
    echo "$2: $count instructions (limit $3)${allocations:+, $allocations allocations (limit ${4:-0})}\
${handlers:+, $handlers handlers (limit ${6:-0})}"
    if $limited && [ "$count" -gt "$3" ]; then failed=1; fi
    if $limited && [ "${allocations:-0}" -gt "${4:-0}" ]; then failed=1; fi
    if $limited && [ "${handlers:-0}" -gt "${6:-0}" ]; then failed=1; fi
    if [ "$count" -lt 20 ]; then failed=1; fi # nothing was counted
}
count bus prepared-1 166
count bus prepared-10 270
count bus prepared-100 1310
count bus new-1 859
count bus history-1 1468
count bus subscribe-1000 2693
# One of 1,000 topics with a callback each costs what one alone does; by its name a search more.
count bus topics-1 174
count bus topics-1000 174
count bus names-1 1561
count bus names-1000 1877
times=100 count bus posted-1 322 '' 100
times=100 count bus posted-16 317 '' 1600
count bus receive-1 2445
count bus receive-16 1284 '' 16
count bus coroutine-16 1702 '' 16
count bus batch-16 882 '' 16
times=100 count streams fan-ws-1 796 0
times=100 count streams fan-ws-16 438 0
times=100 count streams fan-sse-1 812 0
times=100 count streams fan-sse-16 450 0
count streams post-service 28000 12
count streams post-function 13950 4
count streams echo-16x32 1450 0
count streams echo-16x1024 3600 0
count streams echo-1x32 5960 2
# With SHA-256 of the body and the id in about 40,000, as OpenSSL does it on a processor with AVX2:
# valgrind has no SHA instructions.
times=200 count webhooks webhook-1 104800 61 '' 4
times=10 count webhooks webhook-64 103000 50 '' 2
times=10 count webhooks webhook-1x64 107500 54 '' 2
times=10 count webhooks webhook-fan-64 86700 35 '' 2
$limited || echo "another compiler or processor than the limits are for"
exit $failed
