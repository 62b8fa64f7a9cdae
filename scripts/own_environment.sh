#!/bin/sh
# own_environment.sh FOLDER REQUIREMENT [with-project]: make FOLDER an environment that holds REQUIREMENT, a tool whose packages
# are no part of the project's lock and must not change it. `with-project`: it sees the packages of .venv behind its own.
set -eu
cd "$(dirname "$0")/.."
folder=$1 wanted=$2 mark=$1/installed
[ -f "$mark" ] && [ "$(cat "$mark")" = "$wanted" ] && exit 0
.venv/bin/python -m venv --clear "$folder"
"$folder/bin/python" -m pip install --quiet --quiet --disable-pip-version-check "$wanted"
if [ $# -gt 2 ]; then
    packages='import sysconfig; print(sysconfig.get_path("purelib"))'
    .venv/bin/python -c "$packages" > "$("$folder/bin/python" -c "$packages")/project.pth"
fi
echo "$wanted" > "$mark"
