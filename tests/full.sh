#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# The checks that take too long for every change. Their results stand in docs/testing.md.
#
#     tests/full.sh             every stage
#     tests/full.sh STAGE ...   only these; FUZZ_SECONDS (300) is the time per fuzz target, and
#                               TIDINGS_MODEL_STEPS (10000000) the steps of the model of the bus
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=cmake/setup_debian.sh
. cmake/setup_debian.sh

# Configures build/$1 anew with the rest as arguments for CMake, and builds it.
build() {
    local name=$1
    shift
    cmake -S . -B "build/$name" -G Ninja "$@" >/dev/null
    cmake --build "build/$name"
}

stage_asan() { # every test under ASan and UBSan, the long ones too
    cmake --preset asan
    cmake --build --preset asan
    ctest --test-dir build/asan --output-on-failure -LE "house|install"
}

stage_tsan() { # every test under TSan, the long ones too
    cmake --preset tsan -B build/tsan-all -D TIDINGS_TESTS_OF_THREADS=OFF
    cmake --build build/tsan-all
    TSAN_OPTIONS=suppressions=$PWD/tests/tsan.supp \
        ctest --test-dir build/tsan-all --output-on-failure -LE "house|install|fuzz"
}

stage_headers() { # each public header compiles alone
    cmake --preset dev
    cmake --build --preset dev --target all_verify_interface_header_sets
}

stage_tidy() {
    cmake --preset asan -B build/tidy -D CMAKE_DISABLE_PRECOMPILE_HEADERS=ON >/dev/null
    printf '%s\n' src/*.cpp | xargs -P "$(nproc)" -n 1 clang-tidy-16 -p build/tidy --quiet
}

stage_cppcheck() { # cppcheck 2.10 gives up on some C++20, whence the first two suppressions
    find include src -name '*.ipp' -o -name '*.cpp' | sort |
        cppcheck --std=c++20 --language=c++ --quiet --error-exitcode=1 --inline-suppr \
            --enable=warning,portability --suppress=syntaxError \
            --suppress=internalAstError --suppress=missingInclude --suppress=unknownMacro \
            --suppress=accessMoved --suppress=danglingTempReference --suppress=ignoredReturnValue \
            -DTIDINGS_DECL= -I include --file-list=-
}

# g++'s -fanalyzer, where it speaks of our own lines; g++ 12's knows neither constructors nor that
# operator new throws, whence what is left out.
stage_analyzer() {
    local source found=0
    for source in src/*.cpp; do
        g++ -std=c++20 -O1 -I include -fanalyzer -fanalyzer-verbosity=0 \
            -Wno-analyzer-use-of-uninitialized-value -Wno-analyzer-possible-null-dereference \
            -Wno-analyzer-possible-null-argument -fdiagnostics-plain-output -c "$source" -o /dev/null 2>&1 |
            grep -E '^(include|src)/.* warning: .*\[-Wanalyzer' && found=1
    done
    return $found
}

stage_coverage() { # lines and branches that the tests reach
    command -v gcovr >/dev/null || setup_install gcovr
    build coverage -D CMAKE_CXX_COMPILER=g++ -D CMAKE_CXX_FLAGS="-O0 -g1 --coverage"
    ctest --test-dir build/coverage --output-on-failure -LE "house|install|long"
    gcovr --root . --filter include/tidings/ --filter src/ --print-summary \
        --html-details build/coverage/coverage.html build/coverage
}

stage_fuzz() { # FUZZ_SECONDS of libFuzzer per target, from the corpus in the tree
    cmake --preset fuzz
    cmake --build --preset fuzz --target tests_fuzz
    local target name
    for target in build/fuzz/tests/fuzz_*; do
        [ -x "$target" ] || continue
        name=${target##*/fuzz_}
        mkdir -p "build/fuzz/found/$name" "build/fuzz/crashes"
        echo "$name"
        "$target" -max_total_time="${FUZZ_SECONDS:-300}" -timeout=10 -rss_limit_mb=2048 \
            -artifact_prefix="build/fuzz/crashes/$name-" -print_final_stats=1 -verbosity=0 \
            "build/fuzz/found/$name" "tests/fuzz/corpus/$name"
    done
}

stage_model() { # random programs on a bus, compared with one that is obviously right
    cmake --preset release
    cmake --build --preset release --target unit_bus
    TIDINGS_MODEL_STEPS=${TIDINGS_MODEL_STEPS:-10000000} build/release/tests/unit_bus "[model]"
}

stage_bounded() { # 100 million topics that nobody names, 10 million subscriptions that come and go
    cmake --preset release
    cmake --build --preset release --target bounded
    TIDINGS_BOUNDED_TIMES=10000 build/release/tests/bounded --durations yes
}

stage_dead_endpoint() { # 200,000 events to an endpoint that refuses every connection
    cmake --preset release
    cmake --build --preset release --target memory_bounds
    TIDINGS_DEAD_EVENTS=200000 build/release/tests/memory_bounds "[webhook]"
}

stage_crash() { # a hub on a file, killed 1,000 times, one with 10,000 REST hooks, 100 times; a full disk
    cmake --preset release
    cmake --build --preset release --target webhook_crash_program hook_crash_program
    tests/support/npm_packages.sh
    node tests/webhook/crash/full_disk.mjs build/release/tests/webhook_crash_program
    node tests/webhook/crash/crash.mjs build/release/tests/webhook_crash_program 1000
    node tests/rest_hook/crash/crash.mjs build/release/tests/hook_crash_program 100 10000
}

stage_shared() { # the shared library, optimised, symbols hidden
    build shared -D BUILD_SHARED_LIBS=ON -D CMAKE_BUILD_TYPE=Release
    ctest --test-dir build/shared --output-on-failure -LE "house|install|long"
}

stage_options() { # every option turned the other way
    build options -D TIDINGS_TLS=OFF -D TIDINGS_BUILD_TESTS=OFF \
        -D TIDINGS_BUILD_EXAMPLES=OFF -D CMAKE_COMPILE_WARNING_AS_ERROR=ON
}

stage_compilers() { # warnings and tests under every compiler that Debian 12 has for C++20
    local compiler
    for compiler in g++-12 clang++-16 clang++-19; do
        if ! command -v "$compiler" >/dev/null; then setup_install "${compiler/++/}"; fi
        build "$compiler" -D CMAKE_CXX_COMPILER="$compiler" -D CMAKE_BUILD_TYPE=Release \
            -D CMAKE_COMPILE_WARNING_AS_ERROR=ON
        ctest --test-dir "build/$compiler" --output-on-failure -LE "house|install|long"
    done
}

all=(asan tsan headers tidy cppcheck analyzer coverage fuzz model bounded dead_endpoint crash shared options compilers)
stages=("$@")
if [ ${#stages[@]} -eq 0 ]; then stages=("${all[@]}"); fi
for stage in "${stages[@]}"; do
    if [[ " ${all[*]} " != *" $stage "* ]]; then
        echo "no such stage: $stage (one of: ${all[*]})" >&2
        exit 2
    fi
done

tidings_setup build node browser clang lint
for stage in "${stages[@]}"; do
    echo "== $stage"
    begun=$SECONDS
    "stage_$stage"
    echo "== $stage: $(((SECONDS - begun) / 60)) min $(((SECONDS - begun) % 60)) s"
done
