#!/usr/bin/env bash
# Builds the images, runs the Compose stack and tests it from outside. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/python.sh

usage() {
    cat <<'TEXT'
usage: scripts/test-containers.sh [PYTEST ARGUMENT...]

Builds the images, brings the Compose stack up, and tests it: calls, switches and rollbacks under load, crashes,
restarts, and every outcome of scripts/deploy.sh and scripts/upgrade.sh. Uses the ports 50050 to 50052, 50061, 50062,
51051, 51052, 51061, 51062 and 9901, and the Compose project `sluice`, whose containers and volumes it removes.

Settings (environment):
  SKIP_BUILD=1       tests the existing images
  BUILDX_CACHE_FROM  a buildx cache to build from, such as type=gha,scope=ci

Exit codes: 0 everything passed; 77 skipped, because there is no Docker engine here (one line says why); any other: failed.
TEXT
}

case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
esac

# The ports that the stacks publish, those of the help.
readonly published=9901,50050-50052,50061-50062,51051-51052,51061-51062

# If no engine answers, a program beside the checkout may set up a private one.
readonly private_engine=../shared/tools/engine.sh
is_private=false
if ! docker version >/dev/null 2>&1; then
    if [ ! -f "$private_engine" ]; then
        echo "SKIPPED container tests: no Docker engine answers"
        exit 77
    fi
    is_private=true
    # The engine of an earlier run is reused where it is.
    eval "$(bash "$private_engine" env)"
    bash "$private_engine" stop
    # If it can't, it says why and exits with 77, and so does this script.
    bash "$private_engine" setup start images || exit
    trap 'bash "$private_engine" stop' EXIT
fi

build_images() {
    local began=$SECONDS target
    local -a options=(--file docker/Dockerfile --load --build-arg VERSION=9.8.7 --build-arg REVISION=test-revision)
    [ -z "${BUILDX_CACHE_FROM:-}" ] || options+=(--cache-from "$BUILDX_CACHE_FROM")
    # Builds of a private engine have no network of their own, and its base images are stand-ins, not those of the digests.
    ! $is_private || options+=(--network=host --build-context swift-base=docker-image://swift:6.3-bookworm
        --build-context debian-base=docker-image://debian:bookworm-slim)
    for target in healthprobe predictor model proxy; do
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
    # In a network namespace of its own the stack's ports clash with no others.
    bash "$private_engine" stop
    ENGINE_NET=private bash "$private_engine" start
    enter=(bash "$private_engine" enter)
    # Else one of the tests' connections may have such a port as its own, and the service can't listen there for a minute.
    "${enter[@]}" sh -c "echo $published > /proc/sys/net/ipv4/ip_local_reserved_ports"
fi
say "Testing the stack"
"${enter[@]}" .venv/bin/python -B -m pytest --rootdir Tests/Containers -c Tests/Containers/pytest.ini Tests/Containers "$@"
