#!/usr/bin/env bash
# Builds the container image where no registry of base images can be reached: the base is made by mmdebstrap (as root), from where this
# machine's apt takes its packages; the rest is deploy/Containerfile.
#   deploy/build-image.sh TARGET.tar [NAME]     an OCI archive, with the name hullmark:latest or NAME
# STORE=DIR keeps buildah's layers there (default: a temporary folder), CACHE=DIR the base (default: var/images).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=$(realpath -m "${1:?a file for the image: TARGET.tar}")
name=${2:-hullmark:latest}
cache=$(realpath -m "${CACHE:-var/images}")
mkdir -p "$cache" "$(dirname "$target")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
store=${STORE:-$scratch/store}
export TMPDIR=$scratch

((EUID == 0)) || { echo "build-image: only root can make the base" >&2; exit 1; }
for tool in mmdebstrap buildah; do
    command -v "$tool" >/dev/null || { echo "build-image: $tool is missing: apt-get install $tool" >&2; exit 1; }
done

# Of this machine's apt: how it reaches its mirrors. Of its pip: all. And the certificates that it trusts.
apt-config dump | grep -E '^Acquire::(Check-|http|https|Retries)' >"$scratch/apt.conf" || :
pip_conf=/dev/null
for file in /etc/pip.conf "${HOME:-/root}/.pip/pip.conf" "${HOME:-/root}/.config/pip/pip.conf" "${PIP_CONFIG_FILE:-}"; do
    if [[ -s $file ]] && grep -q index "$file"; then pip_conf=$file; fi
done
certificates=${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}
sources=(/etc/apt/sources.list.d/debian.sources)
[[ -e ${sources[0]} ]] || sources=(/etc/apt/sources.list)

# The base is made anew every day: Debian's fixes come in.
base=$cache/base-$(date -u +%F).tar
if [[ ! -s $base ]]; then
    rm -f "$cache"/base-*.tar
    mmdebstrap --quiet --mode=root --variant=apt --aptopt="$scratch/apt.conf" trixie "$base.part" "${sources[@]}"
    mv "$base.part" "$base"
fi

buildah=(buildah --root "$store" --runroot "$scratch/run" --storage-driver "${STORAGE_DRIVER:-vfs}")
container=$("${buildah[@]}" from scratch)
"${buildah[@]}" add --quiet "$container" "$base" / >/dev/null
"${buildah[@]}" commit --quiet --rm "$container" localhost/hullmark-base >/dev/null
"${buildah[@]}" build --quiet --network host --isolation "${ISOLATION:-chroot}" --ulimit "nofile=$(ulimit -Sn):$(ulimit -Hn)" --ulimit "nproc=$(ulimit -Su):$(ulimit -Hu)" --format docker -f deploy/Containerfile \
    --build-arg BASE=localhost/hullmark-base \
    --build-arg VERSION="$(sed -n 's/^__version__ = "\(.*\)"/\1/p' src/hullmark/_version.py)" \
    --build-arg REVISION="${REVISION:-$(git rev-parse HEAD 2>/dev/null || echo unknown)}" \
    --build-arg SOURCE="${SOURCE:-$(git config remote.origin.url 2>/dev/null || echo unknown)}" \
    --secret id=apt.conf,src="$scratch/apt.conf" --secret id=pip.conf,src="$pip_conf" --secret id=ca.crt,src="$certificates" \
    --tag "$name" .
rm -f "$target"
"${buildah[@]}" push --quiet "$name" "docker-archive:$target:$name"
