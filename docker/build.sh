#!/bin/sh
# build.sh [FOLDER] : builds the three programs with the Swift libraries linked in, and copies them into FOLDER, without
# debugging information but with the symbols for a backtrace.
set -eu
cd "$(dirname "$0")/.."
# The first of them compiles nearly everything.
for program in Proxy Predictor HealthProbe; do
    echo "Building $program"
    # The same order of options each time: else modules are compiled again (scripts/lib/toolchain.sh).
    SWIFT_DETERMINISTIC_HASHING=1 swift build --configuration release --static-swift-stdlib --product "$program"
    if [ -n "${1:-}" ]; then
        mkdir -p "$1"
        strip --strip-debug -o "$1/$program" ".build/release/$program"
    fi
done
