#!/bin/sh
# Make what the containers of the profile `full` need to know of each other, where it is not there yet.
# Each folder of /passwords is mounted read-only by who needs it: the database's by API and worker, which run as this user, the others
# by one container of another user each. /keys is the API's and the user interface's.
set -eu
umask 077
hex() {
    od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}
[ -s /keys/api-key ] || echo "llmops_$(hex 8)_$(hex 32)" >/keys/api-key
[ -s /passwords/database/pgpass ] || echo "*:*:*:llmops:$(hex 24)" >/passwords/database/pgpass
umask 022
cat /keys/api-key >/passwords/prometheus/api-key
sed 's/.*://' /passwords/database/pgpass >/passwords/postgres/password
[ -s /passwords/grafana/password ] || hex 12 >/passwords/grafana/password
