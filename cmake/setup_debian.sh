# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
# Sourced by tests/run.sh, tests/full.sh, examples/run.sh and .ci/run: installs what is missing on
# Debian 12 and sets up ccache.
#
#     . cmake/setup_debian.sh
#     tidings_setup build node browser
#
# Groups: build (and test), node, browser, clang (sanitizers), lint (formatters, checkers), bench
# (peers of the bus and of the webhook sender, a profiler).
# Where a thing is there already, whatever brought it, nothing is installed for it. Without the
# right to install it names the packages that are missing, and ends the script with status 1.

exec </dev/null # a closed stdin would give its number to the next file opened
export DEBIAN_FRONTEND=noninteractive

setup_has() { command -v "$1" >/dev/null 2>&1; }

setup_has_boost() {
    local version
    version=$(sed -n 's/^#define BOOST_VERSION \([0-9]*\)$/\1/p' \
        /usr/include/boost/version.hpp 2>/dev/null)
    [ "${version:-0}" -ge 108100 ]
}

setup_has_catch2() {
    [ -e /usr/include/catch2/catch.hpp ] || [ -e /usr/include/catch2/catch_test_macros.hpp ]
}

setup_has_browser() { setup_has chromium || setup_has chromium-browser || setup_has google-chrome; }

# The group, the package, and a command that succeeds where it is not needed. Debian's npm conflicts
# with the one that other builds of Node bring along: never installed where there is one.
setup_table() {
    cat <<'END'
build g++ setup_has g++
build cmake setup_has cmake
build ninja-build setup_has ninja
build libboost1.81-dev setup_has_boost
build nlohmann-json3-dev test -e /usr/include/nlohmann/json.hpp
build libssl-dev test -e /usr/include/openssl/evp.h
build libsqlite3-dev test -e /usr/include/sqlite3.h
build catch2 setup_has_catch2
build ccache setup_has ccache
build git setup_has git
build python3 setup_has python3
build pkg-config setup_has pkg-config
node nodejs setup_has node
node npm setup_has npm
node curl setup_has curl
node ca-certificates test -e /etc/ssl/certs/ca-certificates.crt
browser chromium setup_has_browser
clang clang-16 setup_has clang++-16
clang libclang-rt-16-dev test -e /usr/lib/llvm-16/lib/clang/16/lib/linux
clang llvm-16 setup_has llvm-symbolizer-16
lint clang-format setup_has clang-format
lint clang-tidy-16 setup_has clang-tidy-16
lint cppcheck setup_has cppcheck
lint shellcheck setup_has shellcheck
lint valgrind setup_has valgrind
bench libsigc++-3.0-dev pkg-config --exists sigc++-3.0
bench libcurl4-openssl-dev pkg-config --exists libcurl
bench valgrind setup_has valgrind
END
}

# Installs the packages named, or ends the script.
setup_install() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
    if ! setup_has apt-get || { [ ${#as_root[@]} -gt 0 ] && ! sudo -n true 2>/dev/null; }; then
        echo "Missing packages, and no right to install them: $*" >&2
        echo "Install them, as root: apt-get install --no-install-recommends $*" >&2
        exit 1
    fi
    echo "Installing: $*"
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get
        -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3)
    if ! { "${apt[@]}" update -qq &&
        "${apt[@]}" install -y -qq --no-install-recommends "$@" >/dev/null; }; then
        echo "apt-get could not install: $*" >&2
        exit 1
    fi
}

tidings_setup() {
    local group package probe missing=()
    while read -r group package probe; do
        [[ " $* " == *" $group "* ]] || continue
        # Unquoted: a probe is a command with its arguments.
        # shellcheck disable=SC2086
        $probe || missing+=("$package")
    done < <(setup_table)
    if [ ${#missing[@]} -gt 0 ]; then setup_install "${missing[@]}"; fi
    setup_ccache
    setup_symbolizer
}

# ccache serves the main build and, through the environment, the consumers that tests build.
setup_ccache() {
    setup_has ccache || return 0
    export CMAKE_CXX_COMPILER_LAUNCHER=ccache
    export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    # A clone in another folder finds what this one compiled.
    CCACHE_BASEDIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    export CCACHE_BASEDIR CCACHE_NOHASHDIR=1
}

setup_symbolizer() {
    local tool
    tool=$(command -v llvm-symbolizer-16) || return 0
    export ASAN_SYMBOLIZER_PATH=$tool TSAN_SYMBOLIZER_PATH=$tool
}
