#!/usr/bin/env bash
# Installs the Debian packages named as arguments, as far as they are not there. Works as root on Debian and its kin;
# elsewhere says what is missing, and fails.
set -euo pipefail

missing=()
for package in "$@"; do
    if [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true) != installed ]]; then
        missing+=("$package")
    fi
done
if ((${#missing[@]} == 0)); then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    printf 'packages: not a Debian machine, so these are left to you: %s\n' "${missing[*]}" >&2
    exit 1
fi
if ((EUID != 0)); then
    printf 'packages: missing are %s\n  as root: apt-get update && apt-get install --no-install-recommends %s\n' \
        "${missing[*]}" "${missing[*]}" >&2
    exit 1
fi
printf 'packages: installing %s\n' "${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Several of these may run beside each other, and apt waits for nobody who renews its lists. What a package starts must not keep the lock.
exec 9</var/lib/apt
flock 9
# A fresh machine has no package lists, or old ones.
apt-get -qq update </dev/null 9<&- || printf 'packages: the package lists could not be renewed\n' >&2
apt-get -qq -y --no-install-recommends install "${missing[@]}" </dev/null >/dev/null 9<&-
