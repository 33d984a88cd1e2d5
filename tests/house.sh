#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# The rules of the house that a compiler does not hold. Prints each breach as file:line: rule.
#
#     tests/house.sh [COMPILER]
#
# A check whose tool is not installed is left out and named; where TIDINGS_CI is set it fails.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
shopt -s lastpipe # breach, at the end of a pipeline, counts in this shell
compiler=${1:-g++}
breaches=0

# Reads breaches, one per line, and counts them.
breach() {
    local rule=$1 line
    while IFS= read -r line; do
        [ -n "$line" ] || continue
        echo "$line: $rule"
        breaches=$((breaches + 1))
    done
}

# True where the tool is there.
tool() {
    command -v "$1" >/dev/null && return 0
    echo "$1 is not installed: not checked"
    if [ -n "${TIDINGS_CI:-}" ]; then breaches=$((breaches + 1)); fi
    return 1
}

files() { # files FOLDER... -- NAME...: existing files by name pattern, generated ones left out
    local folders=() names=()
    while [ "$1" != -- ]; do
        if [ -e "$1" ]; then folders+=("$1"); fi
        shift
    done
    shift
    for name in "$@"; do names+=(-o -name "$name"); done
    find "${folders[@]}" \( -name node_modules -o -name build -o -name 'build-*' -o -name .git \) -prune \
        -o -type f \( "${names[@]:1}" \) -print | sort
}

# grep in code without its // comments: FILE:LINE for each match of the pattern.
grep_code() {
    local pattern=$1
    shift
    [ $# -gt 0 ] || return 0
    awk -v pattern="$pattern" '{ sub(/\/\/.*/, "") } $0 ~ pattern { print FILENAME ":" FNR }' "$@"
}

mapfile -t cpp < <(files include src tests examples bench -- '*.hpp' '*.ipp' '*.cpp')
mapfile -t library < <(files include src -- '*.hpp' '*.ipp' '*.cpp')
mapfile -t headers < <(files include -- '*.hpp')
mapfile -t scripts < <(files . -- '*.sh' run)

# Form.
if tool clang-format; then
    for file in "${cpp[@]}"; do
        clang-format --dry-run -Werror "$file" >/dev/null 2>&1 || echo "$file"
    done | breach "clang-format would change it"
fi
if tool shellcheck; then
    shellcheck -x -P SCRIPTDIR:. --severity=warning -f gcc "${scripts[@]}" | breach "shellcheck"
fi
for file in "${cpp[@]}"; do
    # Word for word what the README opens with.
    if [ "$file" = examples/quickstart/main.cpp ]; then continue; fi
    head -n 1 "$file" | grep -qx '// SPDX-License-Identifier: BSL-1.0' || echo "$file:1"
done | breach "the first line is not the licence"
# The registry of vcpkg wants no comments in a portfile.
for file in "${scripts[@]}" $(files . -- '*.cmake' '*.cmake.in' CMakeLists.txt '*.py' '*.mjs' '*.js'); do
    if [[ $file == */portfile.cmake ]]; then continue; fi
    head -n 2 "$file" | grep -q 'SPDX-License-Identifier: BSL-1.0' || echo "$file:1"
done | breach "the licence is not in the first two lines"
# src.hpp is the list of the bodies, without code of its own.
wc -l "${library[@]}" | awk '
    $2 ~ /\.hpp$/ && $2 !~ /\/src\.hpp$/ && $1 > 300 { print $2 ":" $1 }
    $2 ~ /\.(ipp|cpp)$/ && $1 > 400 { print $2 ":" $1 }' |
    breach "over 300 lines for a header, 400 for a body"
# The map of the house names rooms that are there.
for page in docs/architecture.md CONTRIBUTING.md docs/guide/*.md; do
    grep -o '`[a-z_/]*\.[hi]pp`' "$page" | tr -d '`' | sort -u | while read -r file; do
        [ -e "$file" ] || find include -path "*/$file" | grep -q . || echo "$page names $file"
    done
done | breach "no such file"
for example in examples/*/main.cpp; do
    lines=$(wc -l <"$example")
    [ "$lines" -lt 150 ] || echo "$example:$lines"
done | breach "an example of 150 lines or more"
# What a user writes needs nothing private: a streaming transport is one short file.
mapfile -t examples < <(files examples -- '*.hpp' '*.cpp')
grep -nE 'tidings/.*(impl|detail)/|detail::' "${examples[@]}" | cut -d: -f1,2 |
    breach "an example that names what is private"
lines=$(wc -l <examples/ndjson_transport/ndjson.hpp)
[ "$lines" -lt 200 ] || echo "examples/ndjson_transport/ndjson.hpp:$lines" |
    breach "a transport of 200 lines or more"
grep -nE '(TODO|FIXME|XXX|HACK)\b' "${cpp[@]}" | cut -d: -f1,2 | breach "left to do"

# Seams: what reaches the machine is named in one folder.
mapfile -t outside < <(printf '%s\n' "${library[@]}" | grep -v '^include/tidings/io/impl/')
grep_code 'tcp::socket|ssl::stream|steady_timer|random_device' "${outside[@]}" |
    breach "names what only tidings/io/impl may name"
mapfile -t outside < <(printf '%s\n' "${library[@]}" |
    grep -v '^include/tidings/completion_handler.hpp$')
grep_code 'any_completion_handler' "${outside[@]}" |
    breach "use detail::completion_handler instead of any_completion_handler"

# Tests know no real time.
mapfile -t units < <(files tests -- '*.hpp' '*.cpp')
grep_code 'sleep_for|sleep_until|usleep *\(|[^_]sleep *\(' "${units[@]}" | breach "sleeps"

# Tests take their ports from the system: somebody may be at home on any other.
mapfile -t tests < <(files tests/examples tests/browser -- '*.mjs' '*.sh' '*.cmake' CMakeLists.txt)
grep -HnE '(127\.0\.0\.1|localhost|\]):[1-9][0-9]{2,4}([^0-9]|$)' "${tests[@]}" | cut -d: -f1,2 |
    breach "a fixed port"

# A deferred operation that nobody awaits does nothing, without a word from the compiler.
awk '
    FNR == 1 { declaration = "" }
    { code = $0; sub(/\/\/.*/, "", code); declaration = declaration " " code }
    code ~ /[^a-z_.:]async_[a-z_]+\(/ && declaration ~ /= *(net|asio)::deferred/ &&
        declaration !~ /\[\[nodiscard\]\]/ { print FILENAME ":" FNR }
    code ~ /[;{}] *$/ || code ~ /^ *(public|protected|private):/ { declaration = "" }
    ' "${headers[@]}" | breach "an async_ function without [[nodiscard]]"

if tool python3; then
    tests/house_floors.py | breach "floors"
    tests/house_counts.py | breach "counts"
fi

# The hall is cheap to enter: neither Beast nor OpenSSL nor nlohmann/json.hpp in bus.hpp.
if [ -e include/tidings/bus.hpp ]; then
    included=$(echo '#include <tidings/bus.hpp>' | "$compiler" -std=c++20 -I include -M -x c++ -) ||
        echo "include/tidings/bus.hpp:1 does not compile" | breach "bus.hpp"
    tr ' ' '\n' <<<"$included" |
        grep -E '/boost/beast/|/openssl/|/nlohmann/json\.hpp$' | head -n 3 |
        sed 's/^/include\/tidings\/bus.hpp:1 brings /' | breach "too much for bus.hpp"
fi

# The recipes of vcpkg and Conan, which run on no machine of ours, agree with the build.
grep -oh 'TIDINGS_[A-Z_]*' conanfile.py cmake/packaging/vcpkg/ports/tidings/portfile.cmake | sort -u |
    while read -r name; do grep -qw "$name" CMakeLists.txt || echo "$name"; done |
    breach "a recipe names what CMakeLists.txt does not"
if tool python3; then
    { tests/install/recipes.py || echo "a recipe cannot be read"; } | breach "recipes"
fi

if [ "$breaches" -gt 0 ]; then
    echo "$breaches breaches of the house rules"
    exit 1
fi
