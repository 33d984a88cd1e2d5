#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# What a stranger meets: a Debian 12 that has nothing, and a copy of this tree in an empty folder.
# Runs there tests/run.sh and examples/run.sh --check, and prints how long each took. Needs root.
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
# Lazily, since a process left behind may hold them; and never deleting through a mount.
trap 'umount -l "$new/dev/shm" "$new/proc" 2>/dev/null; rm -rf --one-file-system "$new"' EXIT

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
mount -t proc proc "$new/proc"
mkdir -p "$new/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$new/dev/shm"

mkdir -p "$new/tidings"
git ls-files --cached --others --exclude-standard -z | tar --null --ignore-failed-read -T - -cf - | tar -C "$new/tidings" -xf -
others=$(git ls-files --others --exclude-standard | wc -l)
if [ "$others" -gt 0 ]; then echo "note: $others files of the copy are not in git yet"; fi

status=0
for command in "tests/run.sh" "examples/run.sh --check"; do
    echo "== $command"
    begun=$SECONDS
    # stdin closed, as a job runner may leave it.
    env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb LC_ALL=C.UTF-8 \
        chroot "$new" sh -c "cd /tidings && $command <&-" || status=1
    echo "== $command: $(((SECONDS - begun) / 60)) min $(((SECONDS - begun) % 60)) s"
done
exit $status
