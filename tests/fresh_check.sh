#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# What a stranger meets: a Debian 12 that has nothing, and a copy of this tree in an empty folder.
# Each command has one of its own: examples/run.sh, whose first event on a route must come within 10
# minutes, then examples/run.sh --check; and tests/run.sh, which must end within 20. Needs root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

if [ "$(id -u)" -ne 0 ]; then
    echo "tests/run.sh --fresh-check makes a chroot: run it as root" >&2
    exit 1
fi
if ! command -v debootstrap >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap
fi

new=$(mktemp -d "${TMPDIR:-/tmp}/tidings-fresh.XXXXXX")
second=$new.second
# Lazily, since a process left behind may hold them; and never deleting through a mount.
trap 'umount -l "$new/dev/shm" "$new/proc" "$second/dev/shm" "$second/proc" 2>/dev/null
      rm -rf --one-file-system "$new" "$second"' EXIT

# shellcheck disable=SC2016 # apt-get's own variable
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
    grep -v -e security -e updates | head -n 1)
echo "== debootstrap"
debootstrap --variant=minbase bookworm "$new" "$mirror" >"$new.log" 2>&1 || {
    tail -n 20 "$new.log" >&2
    exit 1
}
rm -f "$new.log"

# The machine's way to its package mirrors, names and registries is this place's affair, not the
# project's: the chroot uses the same.
mkdir -p "$new/etc/apt/apt.conf.d" "$new/usr/share/keyrings"
rm -f "$new/etc/apt/sources.list"
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources \
    /etc/apt/apt.conf.d/* /usr/share/keyrings/*.gpg /etc/resolv.conf /etc/hosts /etc/npmrc \
    "$HOME/.npmrc" /usr/local/share/ca-certificates/*; do
    [ -f "$file" ] || continue
    mkdir -p "$new$(dirname "$file")"
    cp -L "$file" "$new$file"
done
mkdir -p "$new/tidings" "$new/dev/shm"
git ls-files --cached --others --exclude-standard -z | tar --null --ignore-failed-read -T - -cf - | tar -C "$new/tidings" -xf -
others=$(git ls-files --others --exclude-standard | wc -l)
if [ "$others" -gt 0 ]; then echo "note: $others files of the copy are not in git yet"; fi
cp -a "$new" "$second"

for root in "$new" "$second"; do
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
done

# Followed by a root and a command; with stdin closed, as a job runner may leave it.
fresh=(env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb LC_ALL=C.UTF-8 chroot)

status=0
# told WHAT BEGUN LIMIT: how long it took, in seconds, and whether that was too long.
told() {
    local took=$((SECONDS - $2))
    echo "== $1: $((took / 60)) min $((took % 60)) s (at most $(($3 / 60)) min)"
    if [ "$took" -gt "$3" ]; then status=1; fi
}

echo "== examples/run.sh"
begun=$SECONDS
"${fresh[@]}" "$new" sh -c "cd /tidings && exec examples/run.sh <&-" >"$new/live.log" 2>&1 &
live=$!
# A line of an event begins with the time and a route.
until grep -qE '^[0-9:]{8}  (bus|websocket|sse|webhook|rest_hook) ' "$new/live.log"; do
    if ! kill -0 $live 2>/dev/null || [ $((SECONDS - begun)) -gt 1200 ]; then
        tail -n 20 "$new/live.log"
        status=1
        break
    fi
    sleep 0.2
done
told "the first event" $begun 600
tail -n 3 "$new/live.log"
kill -TERM $live 2>/dev/null || true
wait $live || true

echo "== examples/run.sh --check"
"${fresh[@]}" "$new" sh -c "cd /tidings && exec examples/run.sh --check <&-" || status=1

echo "== tests/run.sh"
begun=$SECONDS
"${fresh[@]}" "$second" sh -c "cd /tidings && exec tests/run.sh <&-" || status=1
told "tests/run.sh" $begun 1200
exit $status
