#!/bin/sh
# Make .venv-langgraph hold the `langgraph` command, with the packages of .venv behind its own: what the command needs is no
# part of the project's lock, and must not change it.
set -eu
cd "$(dirname "$0")/.."
wanted='langgraph-cli[inmem]==0.4.40'
mark=.venv-langgraph/installed
[ -f "$mark" ] && [ "$(cat "$mark")" = "$wanted" ] && exit 0
.venv/bin/python -m venv --clear .venv-langgraph
.venv-langgraph/bin/python -m pip install --quiet --quiet --disable-pip-version-check "$wanted"
packages='import sysconfig; print(sysconfig.get_path("purelib"))'
.venv/bin/python -c "$packages" > "$(.venv-langgraph/bin/python -c "$packages")/project.pth"
echo "$wanted" > "$mark"
