#!/usr/bin/env bash
# Build both images of this commit and send them to REGISTRY (such as ghcr.io/owner), tagged by the commit's hash and, where git has
# tagged it, by its version, together with a list of their contents (SBOM) and their provenance. REGISTRY_USER and REGISTRY_TOKEN
# sign in. What was published is written to GITHUB_OUTPUT as `IMAGE-name` and `IMAGE-digest`.
set -euo pipefail
cd "$(dirname "$0")/.."
# A name in a registry has no capitals, an owner on GitHub may.
registry=$(tr '[:upper:]' '[:lower:]' <<<"${REGISTRY:?says where to, such as ghcr.io/owner}")
revision=$(git rev-parse HEAD)
version=$(git tag --points-at HEAD --list 'v[0-9]*' | tail -n 1)
output=${GITHUB_OUTPUT:-/dev/stdout}
metadata=$(mktemp)
trap 'rm -f "$metadata"' EXIT

if [ -n "${REGISTRY_TOKEN:-}" ]; then
    docker login "${registry%%/*}" --username "${REGISTRY_USER:?is needed with REGISTRY_TOKEN}" --password-stdin <<<"$REGISTRY_TOKEN"
fi
# The default builder cannot attach an SBOM to an image.
docker buildx inspect llmops-images >/dev/null 2>&1 || docker buildx create --name llmops-images --driver docker-container

publish() {
    local name=$1 dockerfile=$2 tags
    tags=(--tag "$registry/$name:$revision")
    [ -z "$version" ] || tags+=(--tag "$registry/$name:$version")
    docker buildx build --builder llmops-images --file "$dockerfile" "${tags[@]}" --push --sbom=true --provenance=mode=max \
        --metadata-file "$metadata" --build-arg "VERSION=${version:-$revision}" --build-arg "REVISION=$revision" .
    echo "$name-name=$registry/$name" >>"$output"
    python3 -c 'import json, sys; print(sys.argv[1] + "-digest=" + json.load(open(sys.argv[2]))["containerimage.digest"])' \
        "$name" "$metadata" >>"$output"
}

publish llmops-rag-api infra/docker/Dockerfile
publish llmops-streamlit infra/docker/Dockerfile.streamlit
