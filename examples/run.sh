#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Sets everything up, builds the hub, and shows real events going through all five transports.
set -euo pipefail

usage() {
    cat <<'END'
usage: examples/run.sh [options]

Without options: builds and starts the hub on 127.0.0.1:8080 (its page on 127.0.0.1:8081), feeds it
this repository's git history as signed GitHub pushes and this machine's load once a second, and
prints one line per event and route. Ctrl-C: the hub delivers what it has accepted, all ends, exit 0.

  --port PORT       the hub's port instead of 8080, its page's the next; 0: any that are free
  --repository DIR  feed it the git history of DIR instead
  --check           instead play real GitHub payloads through the hub, kill it half way with
                    SIGKILL, start it anew, and compare what an independent process has seen on each
                    route; exit 0 when all are equal, else 1
  --sabotage ROUTE  with --check: the observer of ROUTE (bus, websocket, sse, webhook or rest_hook)
                    takes no notice of one event that reaches it; the check must then end with 1
  --preset NAME     the CMake preset to build with (default: dev)
  --bin DIR         use the programs hub and hub_observer in DIR; build nothing
  --help            this text
END
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
hub_dir=$root/examples/hub
routes=(bus websocket sse webhook rest_hook)
mode=live preset=dev sabotage='' bin='' port='' repository=''

die() {
    echo "run.sh: $*" >&2
    exit 1
}
wrong_use() {
    echo "run.sh: $*" >&2
    usage >&2
    exit 2
}

while (($#)); do
    case $1 in
        --check) mode=check ;;
        --sabotage | --preset | --bin | --port | --repository)
            (($# >= 2)) || wrong_use "$1 needs a value"
            printf -v "${1#--}" %s "$2"
            shift ;;
        --help | -h)
            usage
            exit 0 ;;
        *) wrong_use "unknown option: $1" ;;
    esac
    shift
done
if [[ $port$repository ]]; then
    [[ $mode == live ]] || wrong_use "--port and --repository are not for --check"
    [[ ! $port ]] || [[ $port =~ ^[0-9]{1,5}$ && $((10#$port)) -lt 65535 ]] ||
        wrong_use "--port must be a number below 65535: $port"
    [[ ! $repository || -d $repository ]] || wrong_use "no such folder: $repository"
fi
if [[ $sabotage ]]; then
    [[ $mode == check ]] || wrong_use "--sabotage is for --check"
    [[ " ${routes[*]} " == *" $sabotage "* ]] || wrong_use "no such route: $sabotage"
fi

# ---- programs -----------------------------------------------------------------------------------

# shellcheck source=cmake/setup_debian.sh
source "$root/cmake/setup_debian.sh"
if [[ $bin ]]; then
    tidings_setup node
else
    tidings_setup build node
    echo "run.sh: building the hub (preset $preset)"
    (cd "$root" && cmake --preset "$preset" && cmake --build --preset "$preset" --target hub hub_observer)
    bin=$root/build/$preset/examples/hub
fi
for program in hub hub_observer; do
    [[ -x $bin/$program ]] || die "no program $program in $bin"
done
(
    cd "$hub_dir/check"
    flock 9 # two runs at a time must not both install
    if [[ ! package-lock.json -ot node_modules/.package-lock.json ]]; then
        echo "run.sh: npm ci"
        npm ci
    fi
) 9<"$hub_dir/check/package-lock.json"

# ---- children: each by its process id, each with its output in a file ------------------------------

work=$(mktemp -d "${TMPDIR:-/tmp}/tidings-hub.XXXXXX")
declare -A pids=()
printers=() # those that print the lines of a route, and the pipes they read from
pipes=()

# Each child leads a session of its own, so that Ctrl-C in a terminal reaches this script alone and
# the children end in order.
start() { # NAME PROGRAM ARGUMENTS...
    local name=$1
    shift
    # Here, not in the child: what follows the file must find it, however late the child begins.
    : >"$work/$name.log"
    setsid "$@" >"$work/$name.log" 2>&1 </dev/null &
    pids[$name]=$!
}

running() { [[ ${pids[$1]:-} ]] && kill -0 "${pids[$1]}" 2>/dev/null; }

# Ends a child and gives its exit status; kills it when it has not gone after 20 s.
stop() { # NAME SIGNAL
    local name=$1 pid=${pids[$1]:-} status=0 turn
    [[ $pid ]] || return 0
    unset "pids[$name]"
    kill -"$2" "$pid" 2>/dev/null || true
    for ((turn = 0; turn < 200; ++turn)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    if ((turn == 200)); then
        echo "run.sh: $name did not end; killing it" >&2
        kill -KILL "$pid" 2>/dev/null || true
    fi
    wait "$pid" || status=$?
    return "$status"
}

show_log() { # NAME
    echo "---- $1" >&2
    tail -n 20 "$work/$1.log" >&2 || true
}

# Waits for a line of a child's output and prints what follows PREFIX in it.
wait_line() { # NAME PREFIX
    local name=$1 prefix=$2 turn line
    for ((turn = 0; turn < 300; ++turn)); do
        if line=$(grep -m1 -F -- "$prefix" "$work/$name.log" 2>/dev/null); then
            echo "${line#*"$prefix"}"
            return 0
        fi
        running "$name" || break
        sleep 0.1
    done
    echo "run.sh: $name did not say \"$prefix\"" >&2
    show_log "$name"
    return 1
}

# The hub ends after what feeds it and before what it delivers to.
finish() {
    local status=$? name pipe
    trap - EXIT
    trap '' INT TERM HUP
    stop history TERM || true
    stop load TERM || true
    if running hub; then
        if stop hub INT; then
            echo "run.sh: the hub has drained"
        else
            echo "run.sh: the hub ended with $?" >&2
            show_log hub
            ((status)) || status=1
        fi
    fi
    for name in "${!pids[@]}"; do
        stop "$name" TERM || true
    done
    for pipe in "${pipes[@]}"; do exec {pipe}>&-; done
    for name in "${printers[@]}"; do wait "$name" || true; done
    if [[ $mode == check && $status != 0 ]]; then
        echo "run.sh: logs and lists are in $work" >&2
    else
        rm -rf "$work"
    fi
    exit "$status"
}
trap finish EXIT
trap 'echo; echo "run.sh: stopping"; [[ $mode == live ]] && exit 0; exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# ---- the hub and its five observers ----------------------------------------------------------------

# What an observer writes to: in the live run a pipe to what prints, else a list.
outlet() { # ROUTE
    local route=$1 pipe
    if [[ $mode == check ]]; then
        : >"$work/$route.txt"
        return
    fi
    mkfifo "$work/$route.txt"
    print_lines "$route" <"$work/$route.txt" &
    printers+=($!)
    # Held open here: else it would wait for ever for an observer that never started.
    exec {pipe}>"$work/$route.txt"
    pipes+=("$pipe")
}

# Which of its events the observer of a route takes no notice of, if any.
lost_on() { [[ $1 != "$sabotage" ]] || echo 37; } # ROUTE

print_lines() { # ROUTE
    local id type hash
    trap '' INT
    while read -r id type hash; do
        printf '%(%H:%M:%S)T  %-9s  %-40s  %s  %.12s\n' -1 "$1" "$type" "$id" "$hash"
    done
}

port_is_free() {
    node -e 'const s = require("net").createServer(); s.on("error", () => process.exit(1));
             s.listen(+process.argv[1], "127.0.0.1", () => s.close())' "$1"
}

# shellcheck disable=SC2016 # JavaScript's own ${}, not the shell's
register_hook() { # HUB_URL PATTERN TARGET_URL SECRET
    node -e '
        const [hub, event, target_url, secret] = process.argv.slice(1);
        fetch(new URL("/hooks", hub), {
            method: "POST", headers: { "Content-Type": "application/json" },
            body: JSON.stringify({ event, target_url, secret }),
        }).then(async (answer) => {
            const text = await answer.text();
            if (answer.status !== 201) throw new Error(`answered ${answer.status} ${text}`);
            console.log(JSON.parse(text).id);
        }).catch((e) => { console.error(`hook: ${e.cause?.message ?? e.message}`); process.exit(1); });
    ' "$@"
}

start_hub() { # PATTERN PORT ADMIN_PORT
    start hub "$bin/hub" --listen "127.0.0.1:$2" --admin "127.0.0.1:$3" \
        --data "$work/data" --github-secret "$secret" \
        --webhook "$webhook_url" --webhook-secret "$webhook_secret" --webhook-topic "$1"
    hub_url=$(wait_line hub 'hub: listening on ')
    page_url=$(wait_line hub 'hub: admin on ')
}

# Without a chance to finish anything, and anew on the same files and port.
kill_hub() { # PATTERN
    local pid=${pids[hub]} status=0
    unset 'pids[hub]'
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || status=$?
    [[ $status == 137 ]] || die "the hub ended with $status before it was killed"
    start_hub "$1" "${hub_url##*:}" 0
    echo "run.sh: killed the hub with SIGKILL and started it anew"
}

start_all() { # PATTERN PORT ADMIN_PORT
    local pattern=$1 port=$2 admin_port=$3 route encoded hook_url
    encoded=${pattern//>/%3E}
    secret=$(node -p 'require("crypto").randomBytes(20).toString("hex")')
    webhook_secret=whsec_$(node -p 'require("crypto").randomBytes(32).toString("base64")')
    for route in "${routes[@]}"; do
        outlet "$route"
    done

    start webhook "$bin/hub_observer" webhook --secret "$webhook_secret" \
        --out "$work/webhook.txt" --lose "$(lost_on webhook)"
    webhook_url=$(wait_line webhook 'observer: listening on ')
    start_hub "$pattern" "$port" "$admin_port"

    start rest_hook "$bin/hub_observer" rest_hook --secret "$webhook_secret" \
        --out "$work/rest_hook.txt" --lose "$(lost_on rest_hook)"
    hook_url=$(wait_line rest_hook 'observer: listening on ')
    register_hook "$hub_url" "$pattern" "$hook_url" "$webhook_secret" >"$work/hook.id"
    start bus "$bin/hub_observer" bus --hub "$hub_url" --topic "$pattern" \
        --out "$work/bus.txt" --lose "$(lost_on bus)"
    start websocket node "$hub_dir/check/observe_websocket.mjs" \
        "ws://${hub_url#http://}/ws?topic=$encoded" "$work/websocket.txt" "$(lost_on websocket)"
    start sse node "$hub_dir/check/observe_sse.mjs" \
        "$hub_url/events?topic=$encoded" "$work/sse.txt" "$(lost_on sse)"
    for route in "${routes[@]}"; do
        wait_line "$route" 'observer: ready' >/dev/null
    done
}

# ---- the two ways to run -----------------------------------------------------------------------------

run_live() {
    local admin_port name
    if [[ $port ]]; then
        admin_port=$((10#$port ? 10#$port + 1 : 0))
        for name in "$port" "$admin_port"; do
            port_is_free "$name" || die "port $name is taken; give another --port, or 0 for any"
        done
    else
        port=8080 admin_port=8081
        if ! port_is_free $port; then
            echo "run.sh: port $port is taken; the hub gets a free one (or give --port)"
            port=0
        fi
        if ! port_is_free $admin_port; then
            echo "run.sh: port $admin_port is taken; the page gets a free one"
            admin_port=0
        fi
    fi
    node "$hub_dir/check/payloads.mjs" "$work/payloads" >/dev/null
    start_all '>' "$port" "$admin_port"
    echo
    echo "  hub   $hub_url"
    echo "  page  $page_url"
    echo "  try   curl -d '{\"total\":99}' $hub_url/topics/orders.42.created"
    echo "  stop  Ctrl-C"
    echo
    echo "time      route      type                                      id, and how its data's SHA-256 begins"
    start history node "$hub_dir/feed_history.mjs" "$hub_url" "$secret" "${repository:-$root}" \
        "$work/payloads"
    start load node "$hub_dir/feed_load.mjs" "$hub_url"
    tail -q -n +1 -f "$work/history.log" "$work/load.log" 2>/dev/null &
    pids[tail]=$!
    while sleep 1; do
        for name in hub "${routes[@]}"; do
            running "$name" && continue
            show_log "$name"
            die "$name has ended"
        done
    done
}

# Waits until every list has as many lines as were sent. When each has the last event but one lacks
# others, or when an observer has ended, it waits on only until nothing has come for 3 s.
wait_lists() { # EXPECTED_FILE
    local want last route turn lines have before='' complete over quiet=0
    want=$(wc -l <"$1")
    last=$(tail -n 1 "$1")
    for ((turn = 0; turn < 1200 && quiet < 30; ++turn)); do
        have='' complete=1 over=1
        for route in "${routes[@]}"; do
            lines=$(wc -l <"$work/$route.txt")
            have+=" $lines"
            ((lines < want)) || continue
            complete=0
            ! running "$route" || grep -qxF "$last" "$work/$route.txt" || over=0
        done
        ((!complete)) || return 0
        if ((over)) && [[ $have == "$before" ]]; then ((++quiet)); else quiet=0; fi
        before=$have
        sleep 0.1
    done
    echo "run.sh: not every route has $want events:$have (${routes[*]})"
}

run_check() {
    local route good=0
    node "$hub_dir/check/payloads.mjs" "$work/payloads"
    start_all 'github.>' 0 0
    echo "run.sh: hub on $hub_url, five observers ready"
    node "$hub_dir/check/feed.mjs" "$hub_url" "$secret" "$work/payloads" first || good=1
    kill_hub 'github.>'
    node "$hub_dir/check/feed.mjs" "$hub_url" "$secret" "$work/payloads" second || good=1
    wait_lists "$work/payloads/expected.txt"
    # The hub goes first: what it still had in hand is delivered while it drains, and when it has
    # gone nothing can arrive any more.
    stop hub INT || {
        echo "run.sh: the hub ended with $?"
        show_log hub
        good=1
    }
    for route in "${routes[@]}"; do
        stop "$route" TERM || {
            echo "run.sh: the observer of $route ended with $?"
            show_log "$route"
            good=1
        }
    done
    node "$hub_dir/check/compare.mjs" "$work/payloads/expected.txt" "$work" || good=1
    return "$good"
}

"run_$mode"
