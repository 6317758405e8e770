#!/usr/bin/env bash
# Builds the container image where no registry of base images can be reached: mmdebstrap makes the base (as root), from where this
# machine's apt takes its packages; the rest is deploy/Containerfile.
#
#   deploy/build-image.sh TARGET.tar [NAME]     writes an archive for `podman load`, `docker load`, skopeo (default name: hullmark:latest)
#
# STORE=DIR is where buildah keeps what it made (default: var/images; it is emptied when a day is over, so that Debian's fixes come in).
# LAYERS=false keeps no steps of the build for the next one, which takes less where there is none.
# STORAGE_DRIVER=vfs is for machines on which overlay cannot be mounted; ISOLATION=oci where chroot cannot be used.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=$(realpath -m "${1:?a file for the image: TARGET.tar}")
name=${2:-hullmark:latest}
fail() { printf 'build-image: %s\n' "$1" >&2; exit 1; }

((EUID == 0)) || fail "only root can make the base"
for tool in mmdebstrap buildah; do
    command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install $tool"
done

store=$(realpath -m "${STORE:-var/images}")
base=localhost/hullmark-base:$(date -u +%F)
if [[ $(cat "$store/day" 2>/dev/null) != "$base" ]]; then
    rm -rf "$store"
fi
mkdir -p "$store" "$(dirname "$target")"
printf '%s\n' "$base" >"$store/day"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch
buildah=(buildah --root "$store/root" --runroot "$scratch/run" --storage-driver "${STORAGE_DRIVER:-overlay}")

# Lent to the build, and no part of the image: how this machine's apt reaches its mirrors, pip's settings, the certificates it trusts.
apt-config dump | grep -E '^Acquire::(Check-|http|https|Retries)' >"$scratch/apt.conf" || :
: >"$scratch/pip.conf"
for file in /etc/pip.conf "${HOME:-/root}/.pip/pip.conf" "${HOME:-/root}/.config/pip/pip.conf" "${PIP_CONFIG_FILE:-}"; do
    if [[ -f $file ]] && grep -q index "$file"; then cat "$file" >"$scratch/pip.conf"; fi
done

if ! "${buildah[@]}" inspect --type image "$base" >/dev/null 2>&1; then
    sources=/etc/apt/sources.list.d/debian.sources
    [[ -e $sources ]] || sources=/etc/apt/sources.list
    mmdebstrap --quiet --mode=root --variant=apt --aptopt="$scratch/apt.conf" trixie "$scratch/base.tar" "$sources"
    container=$("${buildah[@]}" from scratch)
    "${buildah[@]}" add --quiet "$container" "$scratch/base.tar" / >/dev/null
    "${buildah[@]}" commit --quiet --rm "$container" "$base" >/dev/null
    rm "$scratch/base.tar"
fi
# The limits are named because a container must not be given higher ones than we have.
"${buildah[@]}" build --quiet --layers="${LAYERS:-true}" --network host --isolation "${ISOLATION:-chroot}" --format docker -f deploy/Containerfile \
    --ulimit "nofile=$(ulimit -Sn):$(ulimit -Hn)" --ulimit "nproc=$(ulimit -Su):$(ulimit -Hu)" \
    --build-arg BASE="$base" \
    --build-arg VERSION="$(sed -n 's/^__version__ = "\(.*\)"/\1/p' src/hullmark/_version.py)" \
    --build-arg REVISION="${REVISION:-$(git rev-parse HEAD 2>/dev/null || echo unknown)}" \
    --build-arg SOURCE="${SOURCE:-unknown}" \
    --secret id=apt.conf,src="$scratch/apt.conf" --secret id=pip.conf,src="$scratch/pip.conf" \
    --secret id=ca.crt,src="${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}" \
    --tag "$name" .
rm -f "$target"
"${buildah[@]}" push --quiet "$name" "docker-archive:$target:$name"
