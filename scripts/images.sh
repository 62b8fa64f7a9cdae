#!/usr/bin/env bash
# Build both images of this commit, tagged by its hash and, where git has tagged it, by its version. With PUSH=true they go to
# REGISTRY (such as ghcr.io/owner) together with a list of their contents (SBOM) and their provenance; without, to this machine's
# Docker. REGISTRY_USER and REGISTRY_TOKEN sign in. What was pushed is written to GITHUB_OUTPUT as `IMAGE-name` and `IMAGE-digest`.
set -euo pipefail
cd "$(dirname "$0")/.."
revision=$(git rev-parse HEAD)
version=$(git tag --points-at HEAD --list 'v[0-9]*' | tail -n 1)
output=${GITHUB_OUTPUT:-/dev/stdout}
push=${PUSH:-false}
prefix=
destination=(--load)
if [ "$push" = true ]; then
    # A name in a registry has no capitals, an owner on GitHub may.
    prefix=$(tr '[:upper:]' '[:lower:]' <<<"${REGISTRY:?is needed to push, such as ghcr.io/owner}")/
    destination=(--push --sbom=true --provenance=mode=max --builder llmops-images)
    if [ -n "${REGISTRY_TOKEN:-}" ]; then
        docker login "${REGISTRY%%/*}" --username "${REGISTRY_USER:?is needed with REGISTRY_TOKEN}" --password-stdin <<<"$REGISTRY_TOKEN"
    fi
    # The default builder cannot attach an SBOM to an image.
    docker buildx inspect llmops-images >/dev/null 2>&1 || docker buildx create --name llmops-images --driver docker-container
fi

build() {
    local name=$1 dockerfile=$2 metadata
    local tags=(--tag "$prefix$name:$revision")
    [ -z "$version" ] || tags+=(--tag "$prefix$name:$version")
    metadata=$(mktemp)
    docker buildx build --file "$dockerfile" "${tags[@]}" "${destination[@]}" --metadata-file "$metadata" \
        --build-arg "VERSION=${version:-dev}" --build-arg "REVISION=$revision" .
    if [ "$push" = true ]; then
        echo "$name-name=$prefix$name" >>"$output"
        python3 -c 'import json, sys; print(f"{sys.argv[1]}-digest=" + json.load(open(sys.argv[2]))["containerimage.digest"])' \
            "$name" "$metadata" >>"$output"
    fi
    rm -f "$metadata"
}

build llmops-rag-api infra/docker/Dockerfile
build llmops-streamlit infra/docker/Dockerfile.streamlit
