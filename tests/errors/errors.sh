#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# errors.sh COMPILER...: the commonest mistakes. Each .cpp beside this script is one; it must not
# compile, and the compiler says the sentence of its line `says:`, in at most 15 lines.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
most_lines=15
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
flags=(-std=c++20 -I "$root/include")

failed=0
check() { # COMPILER
    local compiler=$1 precompiled with mistake name sentence said lines
    # Beside a header of the same name the compiler looks for the precompiled one.
    sed "/#pragma once/d" "$here/prelude.hpp" >prelude.hpp
    if "$compiler" --version | grep -q clang; then
        precompiled=(-include-pch prelude.hpp.pch)
        "$compiler" "${flags[@]}" -x c++-header prelude.hpp -o prelude.hpp.pch || return 1
    else
        precompiled=(-include prelude.hpp)
        "$compiler" "${flags[@]}" -x c++-header prelude.hpp -o prelude.hpp.gch || return 1
    fi

    for mistake in "$here"/*.cpp; do
        name=$(basename "$mistake" .cpp)
        sentence=$(sed -n 's|^// says: ||p' "$mistake")
        with=()
        if grep -q '"prelude.hpp"' "$mistake"; then with=("${precompiled[@]}"); fi
        said=$(sed '/#include "prelude.hpp"/d' "$mistake" |
            "$compiler" "${flags[@]}" "${with[@]}" -fsyntax-only -x c++ - 2>&1) && said=compiled
        lines=$(wc -l <<<"$said")
        if ! grep -qF -- "$sentence" <<<"$said" || [ "$lines" -gt $most_lines ]; then
            echo "$name, $compiler: wanted \"$sentence\" in at most $most_lines lines, and got $lines:"
            head -n 40 <<<"$said"
            failed=1
        fi
    done
    return 0
}

for compiler in "${@:-g++}"; do
    check "$compiler" || failed=1
done
exit $failed
