#!/usr/bin/env bash
# Makes .venv from requirements.lock, with the program in it. PYTHON=… chooses the interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf 'setup: %s\n' "$1" >&2
    shift
    printf '  %s\n' "$@" >&2
    exit 1
}

# The Python that was named, else the first that is new enough.
find_python() {
    local candidate candidates=(python3 python3.14 python3.13 python3.12 python3.11)
    if [[ -n ${PYTHON:-} ]]; then
        candidates=("$PYTHON")
    fi
    for candidate in "${candidates[@]}"; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

can_make_environments() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

python=$(find_python) || fail "no Python 3.11 or newer was found${PYTHON:+: $PYTHON is none}" \
    "install one, or name it: make setup PYTHON=/path/to/python3"

if ! can_make_environments "$python"; then
    # Debian splits venv from its Python.
    package="$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    tools/install.sh "$package" || fail "$python cannot make virtual environments" \
        "on Debian, as root: apt-get update && apt-get install $package"
    can_make_environments "$python" || fail "$python still cannot make virtual environments" "name another: PYTHON=…"
fi

if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    printf 'setup: making .venv with %s\n' "$python"
    rm -rf .venv
    "$python" -m venv .venv
fi
printf 'setup: installing what requirements.lock names\n'
# pip compiles on one processor: what it installs is compiled on all of them afterwards. A package may hold files for other Pythons.
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock ||
    fail "pip could not install what requirements.lock names (its words are above)" \
        "check the network, and pip's own settings: .venv/bin/pip config list"
.venv/bin/python -m compileall -qq -j 0 .venv/lib || true
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
# Debian's packages may be coming beside this: its npm is whole when they are there.
if [[ -d /var/lib/apt ]] && command -v flock >/dev/null; then
    flock --shared /var/lib/apt true
fi
if ! .venv/bin/python -m tools.console_assets; then
    if [[ ${CI:-} == true ]]; then
        exit 1
    fi
    printf 'setup: going on without; the console says what it misses, and tests of it are skipped\n' >&2
fi
# An installed program is compiled once; one that runs from its source may be told never to keep what it compiled.
.venv/bin/python -m compileall -q src
touch .venv/.ready
printf 'setup: %s is ready\n' "$(.venv/bin/hullmark --version)"
