# shellcheck shell=sh
# SPDX-License-Identifier: BSL-1.0
#
# What the benches share that compare by paired rounds. Their run.sh sources it from a shell with
# `set -eu`, and defines `run_one CONTENDER CASE`, which prints one line of figures.

support=${root:?}/bench/support

# build_bench SOURCE BUILD TARGET...
build_bench() {
    # shellcheck disable=SC2086 # options are words
    cmake -S "$1" -B "$2" -DCMAKE_BUILD_TYPE=Release -DTIDINGS_BUILD_BENCH=ON \
        ${build_options:-} --no-warn-unused-cli > /dev/null
    build_folder=$2
    shift 2
    cmake --build "$build_folder" --target "$@"
}

# Installs what comes from npm, where it is not as the lock file says. Prints where Bun is.
install_peers() {
    peers=${root:?}/bench/fanout
    installed=$peers/node_modules/.package-lock.json
    if [ -z "$(find "$installed" -newer "$peers/package-lock.json" 2> /dev/null)" ]; then
        (cd "$peers" && npm ci >&2)
    fi
    echo "$peers/node_modules/@oven/bun-linux-x64/bin/bun"
}

# run_rounds NAME ROUNDS CASES CONTENDERS TABLE: the contenders in turn in each case, again and
# again. Their lines go to standard output and to NAME.txt, what the awk program TABLE makes of them
# likewise to NAME.md: ratios are to the contender `base` (bun), the contenders are called `who`
# (server). A run that fails ends the script.
run_rounds() {
    name=$1 rounds=$2 cases=$3 order=$4 table=$5
    : > "$name.txt"
    round=1
    while [ "$round" -le "$rounds" ]; do
        for case in $cases; do
            for contender in $order; do
                figures=$(run_one "$contender" "$case") || {
                    echo "round $round: $contender failed in $case" >&2
                    exit 1
                }
                echo "round=$round server=$contender case=$case $figures" | tee -a "$name.txt"
            done
        done
        # Another one begins the next round, so that none always runs behind the same neighbour, unless
        # one needs what another has made.
        [ -n "${fixed_order:-}" ] || order="${order#* } ${order%% *}"
        round=$((round + 1))
    done
    awk -v base="${base:-bun}" -v who="${who:-}" -f "$support/median.awk" -f "$table" "$name.txt" | tee "$name.md"
}
