#!/bin/sh
# Fills deploy/wheels/ with the packages of the images' locks, by this machine's own pip settings. `docker build` then
# installs from there and needs no network: no index, proxy, certificate or credential of yours gets into an image.
# Only where the build cannot reach a package index by itself; otherwise leave deploy/wheels/ empty.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x "$python" ] || { echo "wheelhouse: run make setup first" >&2; exit 2; }
version=${1:-3.11} # of the Python in the base image
"$python" -m pip download --quiet --require-hashes --no-deps --only-binary=:all: --python-version "$version" \
    --dest deploy/wheels -r requirements-lab.txt
printf 'deploy/wheels: %s files, %s\n' "$(find deploy/wheels -name '*.whl' | wc -l)" "$(du -sh deploy/wheels | cut -f1)"
