#!/usr/bin/env bash
# Tell Slack how a run of a workflow went: RESULTS='success skipped failure' notify.sh TITLE, with what GitHub says of each job.
# The address is SLACK_WEBHOOK_URL; without one nobody is told, which is no failure.
set -euo pipefail
if [ -z "${SLACK_WEBHOOK_URL:-}" ]; then
    echo "SLACK_WEBHOOK_URL is not set: nobody is told"
    exit 0
fi
title=$1
outcome=succeeded
for result in ${RESULTS:?is what GitHub says of each job}; do
    case $result in
        success | skipped) ;;
        *) outcome=failed ;;
    esac
done
page=${GITHUB_SERVER_URL:-}/${GITHUB_REPOSITORY:-}/actions/runs/${GITHUB_RUN_ID:-}
text="$title of ${GITHUB_REPOSITORY:-this repository} at ${GITHUB_REF_NAME:-an unknown branch} $outcome: $page"
payload=$(python3 -c 'import json, sys; print(json.dumps({"text": sys.argv[1]}))' "$text")
# Whoever knows the address can write there, so it goes in by a file, not by an argument that every process can see.
curl --fail --silent --show-error --output /dev/null --max-time 20 --retry 2 --header 'content-type: application/json' \
    --data "$payload" --config <(printf 'url = "%s"\n' "$SLACK_WEBHOOK_URL")
echo "Slack was told: $outcome"
