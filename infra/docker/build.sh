#!/usr/bin/env bash
# build.sh [TAG]: build both images as llmops-rag-api:TAG and llmops-streamlit:TAG (`latest`, if none is given).
# REGISTRY=ghcr.io/owner puts a registry's name in front; VERSION and REVISION go into the images' labels.
set -euo pipefail
cd "$(dirname "$0")/../.."
tag=${1:-latest}
prefix=${REGISTRY:+$REGISTRY/}
version=${VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)}
revision=${REVISION:-$(git rev-parse HEAD 2>/dev/null || echo unknown)}

build() {
    DOCKER_BUILDKIT=1 docker build --file "infra/docker/$1" --tag "$prefix$2:$tag" \
        --build-arg "VERSION=$version" --build-arg "REVISION=$revision" .
}

build Dockerfile llmops-rag-api
build Dockerfile.streamlit llmops-streamlit
docker image ls --filter "label=org.opencontainers.image.revision=$revision"
