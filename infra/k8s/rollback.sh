#!/usr/bin/env bash
# Take Deployments back to an earlier revision, and wait until it runs.
set -euo pipefail

usage() {
    cat <<EOF
rollback.sh [--context NAME] [--timeout TIME] [--dry-run] [DEPLOYMENT[=REVISION]...]
Without names: the API, the user interface and the workers. Without a revision: to the one before.
EOF
}

context='' timeout=15m dry_run='' targets=()
while (($#)); do
    case $1 in
        --context | --timeout)
            declare "${1#--}=${2:?$1 needs a value}"
            shift
            ;;
        --dry-run) dry_run=1 ;;
        -h | --help) usage && exit ;;
        -*) usage >&2 && exit 2 ;;
        *) targets+=("$1") ;;
    esac
    shift
done
((${#targets[@]})) || targets=(llmops-rag-api llmops-streamlit llmops-worker)
read -ra kubectl <<<"${KUBECTL:-kubectl}"
kubectl+=(--context "${context:-minikube}" --namespace llmops)

run() {
    printf '+ %s\n' "$*" >&2
    [ -n "$dry_run" ] || "$@"
}

for target in "${targets[@]}"; do
    revision=${target#"${target%%=*}"}
    run "${kubectl[@]}" rollout undo "deployment/${target%%=*}" ${revision:+"--to-revision$revision"}
done
for target in "${targets[@]}"; do
    run "${kubectl[@]}" rollout status "deployment/${target%%=*}" --timeout "$timeout"
done
# A backup by a newer version would bring the database up to where an older server does not follow.
image=''
[ -n "$dry_run" ] || image=$("${kubectl[@]}" get deployment llmops-rag-api -o 'jsonpath={.spec.template.spec.containers[0].image}')
[ -z "$image" ] || run "${kubectl[@]}" set image cronjob/llmops-backup "backup=$image"
