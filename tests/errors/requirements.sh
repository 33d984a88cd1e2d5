#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# requirements.sh COMPILER: whichever header is included first, what the compiler lacks is said in
# one `#error`, and nothing of the library is compiled after it.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
compiler=${1:-g++}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/boost"
echo '#define BOOST_VERSION 108000' >"$work/boost/version.hpp"
failed=0

# expect SENTENCE FLAGS...: each of `headers`, the first and only one of its unit, says the sentence.
expect() {
    local sentence=$1 header said errors
    shift
    for header in "${headers[@]}"; do
        said=$(echo "#include <${header#include/}>" |
            "$compiler" "$@" -I include -fsyntax-only -x c++ - 2>&1 >/dev/null) && said=compiled
        # The compiler names the sentence once, then the file that ends the compilation.
        errors=$(grep -cE '^[^ ].*error: ' <<<"$said")
        if [ "$errors" != 2 ] || ! grep -qE "error: (#error )?\"?$sentence" <<<"$said" ||
            ! grep -q 'fatal error: .*tidings_ends_the_compilation_here' <<<"$said"; then
            echo "$header: wanted one error, \"$sentence\", and got: $said"
            failed=1
        fi
    done
}

few=(include/tidings/bus.hpp include/tidings/tidings.hpp include/tidings/src.hpp)
mapfile -t headers < <(find include -name '*.hpp' -not -path '*/impl/*' -not -path '*/detail/*' \
    -not -name version.hpp | sort)
# Clang reads on to the end, without a word: too slow for all.
if "$compiler" --version | grep -q clang; then headers=("${few[@]}"); fi
expect 'tidings needs C\+\+20' -std=c++17
# The rest comes from the same file: two headers stand for all.
headers=("${few[@]}")
expect 'tidings needs exceptions' -std=c++20 -fno-exceptions
expect 'tidings needs Boost 1.81 or newer' -std=c++20 -I "$work"
exit $failed
