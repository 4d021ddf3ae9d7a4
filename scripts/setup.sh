#!/bin/sh
# Makes .venv with everything that Tidegate and its lab need. Done once: a second call sees the stamp and returns at once.
# Needs python3.11 (or 3.12, 3.13) with venv, git, make and a package registry; no other network, no sudo.
set -eu
cd "$(dirname "$0")/.."

stop() { # message, what to do
    printf 'set-up: %s\n  what to do: %s\n' "$1" "$2" >&2
    exit 2
}

began=$(date +%s)
say() { printf '[%4ss] %s\n' "$(($(date +%s) - began))" "$1"; }

find_python() { # the lock was resolved for 3.11, so that one comes first
    for name in python3.11 python3.12 python3.13 python3; do
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

check_tools() {
    for tool in git make; do
        command -v "$tool" >/dev/null 2>&1 || stop "$tool is not installed" "apt-get install $tool"
    done
    free_kib=$(df -Pk . | awk 'NR==2 {print $4}')
    if [ "$free_kib" -lt "$((3 * 1024 * 1024))" ]; then
        stop "only $((free_kib / 1024)) MiB free on this disk, 3072 MiB are needed" "free some space, or clone onto a larger disk"
    fi
}

case $(uname -s) in Linux) ;; *) stop "the lab runs on Linux only (this is $(uname -s))" "use a Linux machine or container" ;; esac
stamp=$(cat pyproject.toml requirements-dev.txt requirements-chaos.txt scripts/requirements-bootstrap.txt scripts/setup.sh | sha256sum | cut -d' ' -f1)
stamp="$stamp $(pwd)" # a moved checkout needs its scripts' first lines written anew
if [ -x .venv/bin/python ] && [ -x .venv-chaos/bin/chaos ] && [ "$(cat .venv/.stamp 2>/dev/null || true)" = "$stamp" ]; then
    exit 0
fi

check_tools
python=$(find_python) || stop "no Python 3.11, 3.12 or 3.13 with venv was found" "apt-get install python3 python3-venv"
say "set-up with $("$python" --version) (once; later runs reuse .venv)"
if ! .venv/bin/python -c 'import pip' >/dev/null 2>&1 || [ ! -x .venv/bin/pip ] || ! head -1 .venv/bin/pip | grep -qF "$(pwd)/"; then
    rm -rf .venv
    "$python" -m venv .venv
fi
rm -f .venv/.stamp
export PIP_DISABLE_PIP_VERSION_CHECK=1
export UV_NO_PROGRESS=1
export UV_SYSTEM_CERTS=1 # the machine's own certificates, as pip uses them

say "installing the installer (pinned, hashes checked)"
.venv/bin/python -m pip install --quiet --require-hashes -r scripts/requirements-bootstrap.txt ||
    stop "uv could not be installed" "check that a package registry can be reached (pip's own settings apply)"
export VIRTUAL_ENV="$PWD/.venv"
say "installing the packages of requirements-dev.txt (pinned, hashes checked)"
if ! .venv/bin/uv pip sync --quiet --require-hashes --compile-bytecode requirements-dev.txt; then
    say "uv could not do it (see above); pip tries, which is slower but knows pip's own index settings"
    .venv/bin/python -m pip install --quiet --require-hashes -r requirements-dev.txt ||
        stop "the packages could not be installed" "read the lines above; a lock that does not fit: make lock"
fi
say "installing Tidegate itself, editable"
.venv/bin/uv pip install --quiet --no-deps --no-build-isolation --editable . ||
    stop "Tidegate could not be installed" "read the lines above"
say "installing the Chaos Toolkit beside it: experiments of a drill never share Airflow's packages"
.venv/bin/uv venv --quiet --allow-existing --python .venv/bin/python .venv-chaos &&
    .venv/bin/uv pip sync --quiet --require-hashes --python .venv-chaos requirements-chaos.txt ||
    stop "the packages of requirements-chaos.txt could not be installed" "read the lines above; a lock that does not fit: make lock"
say "preparing what every start of the lab reuses"
.venv/bin/python -m lab prepare || stop "the lab could not be prepared" "read the lines above"
printf '%s' "$stamp" >.venv/.stamp
say "set-up done"
