#!/bin/sh
# Print the command of a Python that this project runs on; say in one line what is missing when there is none.
# A name on PATH proves nothing (version managers put shims there), so each candidate is really run.
set -u
accepts='import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] < (3, 14)))'
found=""
for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
    version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    found="$found $candidate=$version"
    "$candidate" -c "$accepts" || continue
    if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "$candidate"
        exit 0
    fi
    found="$found(no venv module: install python$version-venv)"
done
echo "error: Python 3.11, 3.12 or 3.13 with its venv module is needed; found:${found:- none}. PYTHON=/path/to/python names another." >&2
exit 1
