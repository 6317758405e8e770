#!/usr/bin/env bash
# Builds the test images into var/corpus with ../shared/corpus, if that is there: `corpus.sh quick` or `corpus.sh all`.
# Images that are there are not built again. A var/corpus that is a link belongs to someone else and is left as it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

QUICK=(debian-slim nginx rpm-image rpm-ndb apk-image distroless variants hostile)

skip() {
    printf 'corpus: %s; no test images are built\n' "$1" >&2
    [[ $wanted == quick ]] && exit 0
    exit 1
}

wanted=${1:?quick or all}
if [[ -L var/corpus ]]; then
    printf 'corpus: var/corpus is a link to %s and is left as it is\n' "$(readlink var/corpus)"
    exit 0
fi
[[ -f ../shared/corpus/build.sh ]] || skip "there is no ../shared/corpus beside this checkout"
((EUID == 0)) || skip "test images can only be built as root"
for tool in mmdebstrap buildah podman skopeo umoci rpm; do
    command -v "$tool" >/dev/null || skip "$tool is missing (make corpus-packages)"
done

mkdir -p var/corpus
if [[ $wanted == quick ]]; then
    names=("${QUICK[@]}")
    for name in "${names[@]}"; do
        [[ -e var/corpus/.done/$name ]] || missing=1
    done
    if [[ -z ${missing:-} ]]; then
        exit 0
    fi
else
    names=()
fi
echo "corpus: building $wanted into var/corpus (log: var/corpus.log)"
if ! bash ../shared/corpus/build.sh var/corpus "${names[@]}" </dev/null >var/corpus.log 2>&1; then
    tail -n 20 var/corpus.log >&2
    if [[ ${CI:-} == true || $wanted == all ]]; then
        echo "corpus: the build failed" >&2
        exit 1
    fi
    echo "corpus: the build failed; tests that need what is missing are skipped" >&2
fi
