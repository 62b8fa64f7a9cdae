#!/usr/bin/env bash
# Bring the service to a cluster, try it out, and go back to what ran before if that fails.
set -euo pipefail
here=infra/k8s
cd "$(dirname "$0")/../.."

usage() {
    cat <<EOF
deploy.sh [OPTIONS]
  --overlay NAME      minikube (default) or production
  --context NAME      kubectl's context; without it a minikube is started, and gets images that are built here
  --registry PREFIX   take the images from there, as ghcr.io/owner; otherwise as the overlay says
  --tag TAG           of the images; otherwise the commit for minikube, what the overlay says for others
  --timeout TIME      for each rollout, 15m by default
  --dry-run           only show what would be done
KUBECTL='minikube kubectl --' takes another kubectl.
EOF
}

overlay=minikube context='' registry='' tag='' timeout=15m dry_run=''
while (($#)); do
    case $1 in
        --overlay | --context | --registry | --tag | --timeout)
            declare "${1#--}=${2:?$1 needs a value}"
            shift
            ;;
        --dry-run) dry_run=1 ;;
        -h | --help) usage && exit ;;
        *) usage >&2 && exit 2 ;;
    esac
    shift
done
if [ "$overlay" != minikube ] && [ -z "$context" ]; then
    echo "error: --context says which cluster gets $overlay" >&2
    exit 2
fi
registry=${registry:+${registry%/}/}
read -ra kubectl <<<"${KUBECTL:-kubectl}"
kubectl+=(--context "${context:-minikube}" --namespace llmops)
deployments=(llmops-rag-api llmops-streamlit llmops-worker)
work=$(mktemp -d)
forwarding=''
trap '[ -z "$forwarding" ] || kill "$forwarding" 2>/dev/null || true; rm -rf "$work"' EXIT

run() {
    printf '+ %s\n' "$*" >&2
    [ -n "$dry_run" ] || "$@"
}

start_cluster() {
    minikube status >/dev/null 2>&1 ||
        run minikube start --cpus 2 --memory 4g --cni calico --addons ingress,metrics-server
}

build_images() {
    tag=${tag:-$(git describe --always --dirty="-$(date +%s)")}
    run infra/docker/build.sh "$tag"
    run minikube image load "llmops-rag-api:$tag" "llmops-streamlit:$tag"
}

# How many replicas a Deployment has now; nothing when there are none, as after a restore that was broken off.
replicas() {
    local now
    now=$("${kubectl[@]}" get deployment "$1" --ignore-not-found -o 'jsonpath={.spec.replicas}')
    [ "${now:-0}" = 0 ] || echo "$now"
}

# The manifests with the images that are wanted, and as many replicas as autoscalers, or somebody, have made of them.
render() {
    printf '+ kubectl kustomize %s\n' "$here/overlays/$overlay" >&2
    [ -z "$dry_run" ] || return 0
    "${kubectl[@]}" kustomize "$here/overlays/$overlay" >"$work/all.yaml"
    sed -E -i "s#(image: )(.*/)?(llmops-rag-api|llmops-streamlit):(.*)#\1${registry:-\2}\3:${tag:-\4}#" "$work/all.yaml"
    if [ "$(grep -Ec "image: ${registry:-.*}llmops-[a-z-]+:${tag:-.*}$" "$work/all.yaml")" != 4 ]; then
        echo "error: the overlay names images that --tag and --registry cannot replace, by a digest perhaps" >&2
        exit 1
    fi
    awk -v api="$(replicas llmops-rag-api)" -v worker="$(replicas llmops-worker)" '
        /^kind: / { kind = $2; name = "" }
        /^  name: / && name == "" { name = $2 }
        /^  replicas: / && kind == "Deployment" && name == "llmops-rag-api" && api { $0 = "  replicas: " api }
        /^  replicas: / && kind == "Deployment" && name == "llmops-worker" && worker { $0 = "  replicas: " worker }
        { print }' "$work/all.yaml" >"$work/scaled.yaml"
    mv "$work/scaled.yaml" "$work/all.yaml"
}

# NAME=REVISION of each Deployment that is there.
revisions() {
    [ -n "$dry_run" ] || "${kubectl[@]}" get deployments -o go-template='{{range .items}}{{.metadata.name}}={{index .metadata.annotations "deployment.kubernetes.io/revision"}}{{"\n"}}{{end}}'
}

roll_out() {
    run "${kubectl[@]}" apply -f "$work/all.yaml" || return
    [ "$overlay" != minikube ] || run "${kubectl[@]}" rollout status statefulset/llmops-postgres --timeout "$timeout" || return
    local name
    for name in "${deployments[@]}"; do
        run "${kubectl[@]}" rollout status "deployment/$name" --timeout "$timeout" || return
    done
}

# Uploads a document, asks about it and looks at the citation, at a local port that leads to the service.
smoke_test() {
    if [ -n "$dry_run" ]; then
        run "${kubectl[@]}" port-forward service/llmops-rag-api :8000
        run infra/docker/test-api.sh http://127.0.0.1:PORT
        return
    fi
    "${kubectl[@]}" port-forward service/llmops-rag-api :8000 >"$work/forward" &
    forwarding=$!
    local port=''
    for _ in {1..30}; do
        port=$(sed -n 's/^Forwarding from 127.0.0.1:\([0-9]*\).*/\1/p' "$work/forward")
        [ -z "$port" ] || break
        sleep 1
    done
    LLMOPS_API_KEY=$(sed -n 's/^LLMOPS_API_KEY=//p' "$here/overlays/$overlay/secrets.env") \
        infra/docker/test-api.sh "http://127.0.0.1:$port"
}

go_back() {
    echo "error: the new version does not work; going back" >&2
    "${kubectl[@]}" get pods -o wide >&2 || true
    "${kubectl[@]}" get events --sort-by .lastTimestamp 2>/dev/null | tail -n 20 >&2 || true
    local -a changed
    mapfile -t changed < <(comm -23 <(sort "$work/before") <(revisions | sort))
    if ((${#changed[@]})); then
        "$here/rollback.sh" --context "${context:-minikube}" "${changed[@]}"
    else
        echo "nothing ran here before: the pods are left for a look" >&2
    fi
    exit 1
}

if [ -z "$context" ]; then
    start_cluster
    build_images
fi
run "$here/secrets.sh" "$overlay"
run "${kubectl[@]}" apply -f "$here/base/namespace.yaml"
render
revisions >"$work/before"
{ roll_out && smoke_test; } || go_back
[ -n "$dry_run" ] || echo "the service runs: ${kubectl[*]} get all" >&2
