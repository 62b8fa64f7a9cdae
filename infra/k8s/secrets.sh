#!/usr/bin/env bash
# secrets.sh [OVERLAY]: make the overlay's secrets.env where there is none: a key that opens everything, and the database's password.
# PGPASSWORD and OPENAI_API_KEY are taken over where they are set; only minikube's own database takes a password that is made up.
# Git ignores the file; only its owner can read it.
set -euo pipefail
cd "$(dirname "$0")"
overlay=${1:-minikube}
file=overlays/$overlay/secrets.env
if [ ! -d "overlays/$overlay" ]; then
    echo "error: no overlay $overlay; there are: $(cd overlays && echo *)" >&2
    exit 2
fi
if [ -e "$file" ]; then
    echo "kept infra/k8s/$file as it is" >&2
    exit
fi
if [ "$overlay" != minikube ] && [ -z "${PGPASSWORD:-}" ]; then
    echo "error: PGPASSWORD must be the password that the database has" >&2
    exit 2
fi

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
