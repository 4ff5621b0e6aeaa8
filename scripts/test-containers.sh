#!/usr/bin/env bash
# Builds the images, runs the Compose stack and tests it from outside. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/python.sh

usage() {
    cat <<'TEXT'
usage: scripts/test-containers.sh [PYTEST ARGUMENT...]

Builds the three images, brings the Compose stack up, and tests it: calls, switches and rollbacks under load, crashes,
restarts, and every end that scripts/deploy.sh can come to. Takes the ports 50050 to 50052, 50061, 50062, 51051, 51052,
51061, 51062 and 9901, and the Compose project `sluice`, whose containers and volumes it removes.

Settings (environment):
  SKIP_BUILD=1       tests the images that are there
  BUILDX_CACHE_FROM  a cache of buildx to build from, such as type=gha,scope=ci

Exit codes: 0 everything passed; 77 skipped, as no Docker engine can be had here (one line says why); else failed.
TEXT
}

case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
esac

# If no container engine answers, there may be a private one nearby: a program next to the checkout that sets one up.
readonly private_engine=../shared/tools/engine.sh
is_private=false
if ! docker version >/dev/null 2>&1; then
    if [ ! -f "$private_engine" ]; then
        echo "SKIPPED container tests: no Docker engine answers"
        exit 77
    fi
    is_private=true
    # An engine from an earlier run is used again.
    eval "$(bash "$private_engine" env)"
    bash "$private_engine" stop
    # The program says why it can't and exits with 77; this script then does the same.
    bash "$private_engine" setup start images || exit
    trap 'bash "$private_engine" stop' EXIT
fi

build_images() {
    local began=$SECONDS target
    local -a options=(--file docker/Dockerfile --load --build-arg VERSION=9.8.7 --build-arg REVISION=test-revision)
    [ -z "${BUILDX_CACHE_FROM:-}" ] || options+=(--cache-from "$BUILDX_CACHE_FROM")
    # Builds in a private engine have no network of their own.
    ! $is_private || options+=(--network=host)
    for target in healthprobe predictor proxy; do
        say "Building sluice-$target"
        docker buildx build "${options[@]}" --target "$target" --tag "sluice-$target:local" --progress plain .
    done
    say "The images took $((SECONDS - began)) s"
    docker image ls --filter 'reference=sluice-*:local' --format '{{.Repository}} {{.Size}}'
}

[ -n "${SKIP_BUILD:-}" ] || build_images
ensure_venv Tests/Containers/requirements.txt

enter=()
if $is_private; then
    # In a network namespace of its own the stack's ports can't conflict with others.
    bash "$private_engine" stop
    ENGINE_NET=private bash "$private_engine" start
    enter=(bash "$private_engine" enter)
fi
say "Testing the stack"
"${enter[@]}" .venv/bin/python -B -m pytest --rootdir Tests/Containers -c Tests/Containers/pytest.ini Tests/Containers "$@"
