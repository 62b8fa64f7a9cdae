#!/bin/sh
# Make .venv hold what the named lock file says. The usual case, nothing to do, is decided by .venv's own Python in 50 ms;
# PYTHON=… asks for another one and so always goes through the search.
set -eu
cd "$(dirname "$0")/.."
if [ -z "${PYTHON:-}" ] && [ -x .venv/bin/python ] && .venv/bin/python -I scripts/install.py --check "$1" 2>/dev/null; then
    exit 0
fi
python=$(sh scripts/find_python.sh)
exec "$python" scripts/install.py "$1"
