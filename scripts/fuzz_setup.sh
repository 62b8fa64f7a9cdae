#!/bin/sh
# Make .venv-fuzz hold the `schemathesis` command: what it needs is no part of the project's lock.
set -eu
cd "$(dirname "$0")/.."
wanted='schemathesis==4.32.5'
mark=.venv-fuzz/installed
[ -f "$mark" ] && [ "$(cat "$mark")" = "$wanted" ] && exit 0
.venv/bin/python -m venv --clear .venv-fuzz
.venv-fuzz/bin/python -m pip install --quiet --quiet --disable-pip-version-check "$wanted"
echo "$wanted" > "$mark"
