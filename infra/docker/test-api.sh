#!/usr/bin/env bash
# test-api.sh [URL]: go through a service as a user would: upload, search, ask, check the citation, delete all of it.
# LLMOPS_API_KEY is sent if it is set; without it, the key is taken out of the running compose service.
set -euo pipefail
cd "$(dirname "$0")/../.."
url=${1:-http://127.0.0.1:${PORT:-8000}}
key=${LLMOPS_API_KEY:-$(docker compose exec -T api cat /keys/api-key 2>/dev/null || true)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "error: $1" >&2
    [ ! -s "$work/answer" ] || head -c 2000 "$work/answer" >&2
    exit 1
}

# call NAME METHOD PATH [curl's options]: one request; anything but success ends the script.
call() {
    local name=$1 method=$2 path=$3
    shift 3
    curl --silent --show-error --fail-with-body --max-time 120 --request "$method" --output "$work/answer" \
        ${key:+--header "authorization: Bearer $key"} "$@" "$url$path" || fail "$name"
    echo "ok: $name"
}

# value EXPRESSION: of the last answer, which is `it` in Python.
value() {
    python3 -c "import json, sys; it = json.load(open(sys.argv[1])); print($1)" "$work/answer"
}

word=$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
echo "The pass phrase of the harbour office in $word is quicksilver. It is changed every spring." >"$work/$word.txt"

call "is ready" GET /health/ready
call "describes itself" GET /openapi.json
call "takes a document" POST "/upload?wait=true" --form "files=@$work/$word.txt"
document=$(value "it['documents'][0]['document_id']")
[ "$(value "it['documents'][0]['status']")" = indexed ] || fail "the document is not indexed"
call "finds it" POST /search --json "{\"query\": \"harbour office $word\"}"
[ "$(value "any('$document' == hit['document_id'] for hit in it['results'])")" = True ] || fail "it is not found"
call "answers" POST /ask --json "{\"question\": \"What is the pass phrase of the harbour office in $word?\"}"
[ "$(value "'quicksilver' in it['answer'] and any(c['document_id'] == '$document' for c in it['citations'])")" = True ] ||
    fail "the answer does not cite the document"
threads=$(value "it['thread_id']")
call "answers through LangServe" POST /qa/invoke --json "{\"input\": {\"question\": \"What is the pass phrase of $word?\"}}"
threads="$threads $(value "it['output']['thread_id']")"
call "counts" GET /stats
call "forgets it" DELETE "/documents/$document"
for thread in $threads; do
    call "forgets the conversation" DELETE "/threads/$thread"
done
call "searches again" POST /search --json "{\"query\": \"harbour office $word\"}"
[ "$(value "any('$document' == hit['document_id'] for hit in it['results'])")" = False ] || fail "it is still found"
echo "all is well at $url"
