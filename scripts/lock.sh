#!/bin/sh
# Bring requirements.lock, requirements-full.lock and requirements-dev.lock up to date with pyproject.toml: hashes, no
# index addresses. Versions that still fit are kept; to renew one, remove its entry first, and to renew all of them, all
# files.
# The other two are constrained by the run-time lock, so that installing them changes no version.
set -eu
cd "$(dirname "$0")/.."
python=$(sh scripts/find_python.sh)
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT INT TERM
"$python" -m venv "$tools"
"$tools/bin/python" -m pip install --quiet --disable-pip-version-check uv
compile() {
    "$tools/bin/uv" pip compile pyproject.toml --extra server --extra ui --group build "$@" --universal \
        --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --quiet
}
compile -o requirements.lock
extras="--extra milvus --extra objects --extra otel --extra postgres"
# shellcheck disable=SC2086  # each of them is a word
compile $extras -c requirements.lock -o requirements-full.lock
# shellcheck disable=SC2086
compile $extras --group dev --group browser -c requirements.lock -c requirements-full.lock -o requirements-dev.lock
