#!/bin/sh
# Write a backup and keep the newest KEEP, at least two; remove logs of more than KEEP_LOGS_DAYS; audit.jsonl stays.
# With RESTORE=NAME it puts that backup back instead, with LIST it tells which there are: infra/KUBERNETES_GUIDE.md says when and how.
set -eu
if [ -n "${LIST:-}" ]; then
    exec ls -lh "$BACKUPS"
fi
if [ -n "${RESTORE:-}" ]; then
    exec llmops restore --force "$BACKUPS/$RESTORE"
fi
# First room, then the next one: a volume that is full would otherwise stay so.
find "$BACKUPS" -maxdepth 1 -name 'llmops-*.tar' | sort -r | tail -n "+$((KEEP > 1 ? KEEP : 2))" | xargs -r rm -f --
llmops backup "$BACKUPS/llmops-$(date -u +%Y%m%dT%H%M%SZ).tar"
# Each pod has a folder of its own beside this one's.
logs=${LLMOPS_LOG_DIR%/*}
find "$logs" -mindepth 2 -name '*.log*' -mtime "+$KEEP_LOGS_DAYS" -delete
find "$logs" -mindepth 1 -maxdepth 1 -type d -mtime "+$KEEP_LOGS_DAYS" -empty -delete
