#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Puts the headers of another Boost into DIR/usr/include, from another suite of the Debian mirror that
# this machine uses. Neither the machine's packages nor its sources change.
#
#     cmake/boost_headers.sh SUITE VERSION DIR        e.g. trixie 1.88 build/boost-1.88
#
# Exit 77 where there is no Debian mirror.
set -euo pipefail
suite=$1 version=$2 dir=$3
if [ -e "$dir/usr/include/boost/version.hpp" ]; then exit 0; fi

mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -v security | sort -u | head -n 1) || true
if [ -z "$mirror" ]; then
    echo "skipped: no Debian mirror to take Boost $version from"
    exit 77
fi

mkdir -p "$dir"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/etc"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" \
    >"$work/etc/sources.list"
apt=(-o Dir::State="$work/state" -o Dir::Cache="$work/cache" -o Acquire::Retries=3
    -o Dir::Etc::SourceList="$work/etc/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o APT::Sandbox::User=root -o Acquire::Languages=none)
apt-get "${apt[@]}" update -qq
(cd "$work" && apt-get "${apt[@]}" download "libboost$version-dev" >/dev/null)
dpkg -x "$work"/libboost*.deb "$work/root"
mkdir -p "$dir/usr"
rm -rf "$dir/usr/include"
mv "$work/root/usr/include" "$dir/usr/include"
