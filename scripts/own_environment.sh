#!/bin/sh
# own_environment.sh FOLDER [--with-project] REQUIREMENT…: make FOLDER an environment that holds these requirements, tools whose
# packages are no part of the project's lock and must not change it. `--with-project`: it sees the packages of .venv behind its own.
set -eu
cd "$(dirname "$0")/.."
folder=$1 mark=$1/installed with_project=
shift
wanted=$*
[ -f "$mark" ] && [ "$(cat "$mark")" = "$wanted" ] && exit 0
if [ "$1" = --with-project ]; then
    with_project=yes
    shift
fi
.venv/bin/python -m venv --clear "$folder"
"$folder/bin/python" -m pip install --quiet --quiet --no-compile --disable-pip-version-check "$@"
if [ -n "$with_project" ]; then
    packages='import sysconfig; print(sysconfig.get_path("purelib"))'
    .venv/bin/python -c "$packages" >"$("$folder/bin/python" -c "$packages")/project.pth"
fi
echo "$wanted" >"$mark"
