#!/bin/sh
# Resolves the locks anew. They name packages, versions and hashes; never an address.
set -eu
cd "$(dirname "$0")/.."
uv=.venv/bin/uv
export UV_SYSTEM_CERTS=1
compile() { "$uv" pip compile --quiet --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --python-version 3.11 "$@"; }

compile pyproject.toml -o requirements.txt
compile pyproject.toml --extra lab --extra notices --extra dev -c requirements.txt -o requirements-dev.txt
# What the container images hold: Airflow's services, and with the sample estate.
compile pyproject.toml --extra celery --extra notices -c requirements.txt -o requirements-celery.txt
compile pyproject.toml --extra celery --extra notices --extra lab -c requirements-celery.txt -c requirements-dev.txt -o requirements-lab.txt
# What runs experiments in the tests, in an environment of its own: nothing of it may clash with Airflow's.
compile scripts/requirements-chaos.in -o requirements-chaos.txt
{
    echo "# The one tool that set-up needs before anything else, pinned with hashes. Renew it with: make lock"
    echo "uv==$("$uv" --version | cut -d' ' -f2)" | compile --no-annotate -
} >scripts/requirements-bootstrap.txt.new
mv scripts/requirements-bootstrap.txt.new scripts/requirements-bootstrap.txt
if grep -nE '://|^--(extra-)?index|^--find-links' requirements*.txt scripts/requirements-bootstrap.txt; then
    echo "lock: an address got into a lock (see the lines above)" >&2
    exit 1
fi
