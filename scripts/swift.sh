#!/usr/bin/env bash
# `swift build` and `swift test`, as everything here is built and tested. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/toolchain.sh

usage() {
    cat <<'TEXT'
usage: scripts/swift.sh build|test [ARGUMENT...]

Runs `swift build`, or `swift test` without a build, in the release configuration. Arguments go to swift:

  scripts/swift.sh build --product Proxy              one program
  scripts/swift.sh build --product sluicePackageTests  all unit tests
  scripts/swift.sh test --filter SwitchboardTests     tests that are built

With a plain `swift build` the commands of a terminal differ from those of the scripts, and each would build everything
anew after the other.

Exit codes: those of swift; 64 wrong arguments; 69 something is missing.
TEXT
}

case ${1:-} in
    build | test) ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) fail 64 "build or test is needed (see --help)" ;;
esac
ensure_swift
"swift_$1" "${@:2}"
