#!/usr/bin/env bash
# Installs the Debian packages that tests use (`packages.sh test`), that build the test images (`packages.sh corpus`), or that build the image of
# many ecosystems (`packages.sh ecosystems`).
# Without them the tests that need them are skipped and say so; on CI a package that cannot be installed is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

read_list() {
    grep -hv '^#' "$1" | tr -s ' \n' '\n\n' | sed '/^$/d'
}

if [[ ${1:-} == ecosystems ]]; then
    mapfile -t packages < <(read_list tools/ecosystem-packages.txt)
    tools/install.sh "${packages[@]}" || echo "packages: going on without; ecosystems whose package manager is missing are skipped" >&2
    exit 0
fi
mapfile -t packages < <(read_list tools/test-packages.txt)
corpus=../shared/corpus/packages.txt
if [[ -f $corpus ]]; then
    mapfile -t -O "${#packages[@]}" packages < <(read_list "$corpus")
elif [[ ${1:-} == corpus ]]; then
    echo "packages: there is no ../shared/corpus beside this checkout, so no test images can be built" >&2
fi

if ! tools/install.sh "${packages[@]}"; then
    if [[ ${CI:-} == true ]]; then
        exit 1
    fi
    echo "packages: going on without; tests that need what is missing are skipped" >&2
fi
