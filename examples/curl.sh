#!/bin/sh
# The service from the command line. Usage: sh examples/curl.sh [URL]
set -eu
url=${1:-http://127.0.0.1:8000}

echo "# Index a text"
curl -fsS "$url/index" -H 'Content-Type: application/json' \
    -d '{"documents": [{"name": "note.txt", "text": "The spare key hangs behind the blue door."}]}'

printf '\n\n# Upload a file and wait until it is indexed\n'
curl -fsS "$url/upload?wait=true" -F "files=@$(dirname "$0")/documents/employee-handbook.md"

printf '\n\n# Ask\n'
curl -fsS "$url/ask" -H 'Content-Type: application/json' -d '{"question": "Where does the spare key hang?"}'

printf '\n\n# Search\n'
curl -fsS "$url/search" -H 'Content-Type: application/json' -d '{"query": "notice period", "k": 2}'

printf '\n\n# Watch an answer come into being\n'
curl -fsSN "$url/agent/stream" -H 'Content-Type: application/json' \
    -d '{"input": {"question": "How long is probation?"}, "config": {"configurable": {"thread_id": "curl"}}}'

printf '\n\n# What an error looks like\n'
curl -sS "$url/ask" -H 'Content-Type: application/json' -d '{"question": ""}'
echo
