#!/usr/bin/env bash
# secrets.sh [OVERLAY]: make the overlay's secrets.env where there is none: a key that opens everything, and the database's password.
# PGPASSWORD and OPENAI_API_KEY are taken over where they are set. Git ignores the file; only its owner can read it.
set -euo pipefail
cd "$(dirname "$0")"
file=overlays/${1:-minikube}/secrets.env
[ ! -e "$file" ] || exit 0

hex() {
    od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

umask 077
cat >"$file.new" <<EOF
LLMOPS_API_KEY=llmops_$(hex 8)_$(hex 32)
PGPASSWORD=${PGPASSWORD:-$(hex 24)}
${OPENAI_API_KEY:+OPENAI_API_KEY=$OPENAI_API_KEY}
EOF
mv "$file.new" "$file"
echo "made infra/k8s/$file" >&2
