#!/bin/sh
# Write a backup, then remove all but the newest KEEP, and logs of more than KEEP_LOGS_DAYS; audit.jsonl stays.
# With RESTORE=NAME it puts that backup back instead: infra/KUBERNETES_GUIDE.md tells when and how.
set -eu
if [ -n "${RESTORE:-}" ]; then
    exec llmops restore --force "$BACKUPS/$RESTORE"
fi
llmops backup "$BACKUPS/llmops-$(date -u +%Y%m%dT%H%M%SZ).tar"
find "$BACKUPS" -maxdepth 1 -name 'llmops-*.tar' | sort -r | tail -n "+$((KEEP + 1))" | xargs -r rm -f --
# Each pod has a folder of its own beside this one's.
logs=${LLMOPS_LOG_DIR%/*}
find "$logs" -mindepth 2 -name '*.log*' -mtime "+$KEEP_LOGS_DAYS" -delete
find "$logs" -mindepth 1 -maxdepth 1 -type d -mtime "+$KEEP_LOGS_DAYS" -empty -delete
