#!/bin/sh
# Bring the lock files up to date with pyproject.toml: hashes, no index addresses. Versions that still fit are kept; to
# renew one, remove its entry first, and to renew all of them, all files.
# requirements-full.lock and requirements-dev.lock are constrained by the run-time lock, so that installing them changes
# no version; those of the images by the full one.
set -eu
cd "$(dirname "$0")/.."
python=$(sh scripts/find_python.sh)
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT INT TERM
"$python" -m venv "$tools"
"$tools/bin/python" -m pip install --quiet --disable-pip-version-check uv
compile() {
    "$tools/bin/uv" pip compile "$@" --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
        --no-emit-index-url --quiet
}
usual="pyproject.toml --extra server --extra ui --group build"
extras="--extra milvus --extra objects --extra otel --extra postgres --extra redis"
# shellcheck disable=SC2086  # each of them is a word
compile $usual -o requirements.lock
# shellcheck disable=SC2086
compile $usual $extras -c requirements.lock -o requirements-full.lock
# shellcheck disable=SC2086
compile $usual $extras --group dev --group browser -c requirements.lock -c requirements-full.lock -o requirements-dev.lock
for_image() {
    compile "$@" -c requirements-full.lock
}
for_image pyproject.toml --extra server --extra objects --extra otel --extra postgres --extra redis -o infra/docker/api.lock
for_image pyproject.toml --extra ui -o infra/docker/ui.lock
for_image --group build -o infra/docker/build.lock
