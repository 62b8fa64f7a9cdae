#!/bin/sh
# Make what the containers of the profile `full` need to know of each other, where it is not there yet.
# /keys is the service's own; /passwords is for containers that run as other users, each of which mounts it read-only.
set -eu
umask 077
hex() {
    od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}
[ -s /keys/api-key ] || echo "llmops_$(hex 8)_$(hex 32)" >/keys/api-key
[ -s /keys/pgpass ] || echo "*:*:*:llmops:$(hex 24)" >/keys/pgpass
umask 022
cat /keys/api-key >/passwords/api-key
sed 's/.*://' /keys/pgpass >/passwords/postgres
[ -s /passwords/grafana ] || hex 12 >/passwords/grafana
