#!/bin/sh
# Make what the containers of the profile `full` need to know of each other, where it is not there yet.
# /keys is the service's own; each folder of /passwords is for one container, which runs as another user and mounts it read-only.
set -eu
umask 077
hex() {
    od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}
[ -s /keys/api-key ] || echo "llmops_$(hex 8)_$(hex 32)" >/keys/api-key
[ -s /keys/pgpass ] || echo "*:*:*:llmops:$(hex 24)" >/keys/pgpass
umask 022
cat /keys/api-key >/passwords/prometheus/api-key
sed 's/.*://' /keys/pgpass >/passwords/postgres/password
[ -s /passwords/grafana/password ] || hex 12 >/passwords/grafana/password
