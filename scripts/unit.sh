#!/usr/bin/env bash
# The inner loop: unit tests of the modules that depend on nothing but the system. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/toolchain.sh
source scripts/lib/alone.sh

usage() {
    cat <<'TEXT'
usage: scripts/unit.sh [FILTER] [SWIFT TEST ARGUMENT...]

Builds the modules without external dependencies (Ground, EventLoop, TLS, HTTP2, DataPlane, Pickle, Estimators …) with
their tests, and runs the tests whose names match FILTER, all of them by default: `scripts/unit.sh PlacementTests`. After
an edit in DataPlane this takes less than a minute on two cores; the first build takes two. Everything is built under
.build/alone. The other modules' tests, such as ControlPlane's, need the whole package: see CONTRIBUTING.md.

Exit codes: 0 the tests passed; 1 a test failed; 69 something is missing; 70 the build failed.
TEXT
}

case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
esac

ensure_swift
make_package_alone .build/alone/package
options=(--package-path .build/alone/package --scratch-path .build/alone/build)
swift_build "${options[@]}" --build-tests || fail 70 "the build failed"
filter=()
[ $# -eq 0 ] || {
    filter=(--filter "$1")
    shift
}
swift_test "${options[@]}" "${filter[@]}" "$@"
