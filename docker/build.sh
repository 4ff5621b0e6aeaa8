#!/bin/sh
# build.sh [FOLDER] : builds the three programs with the Swift libraries in them; copies them without debugging
# information, but with the symbols that a backtrace needs, into FOLDER.
set -eu
cd "$(dirname "$0")/.."
for program in Proxy Predictor HealthProbe; do
    swift build --configuration release --static-swift-stdlib --product "$program"
    if [ -n "${1:-}" ]; then
        mkdir -p "$1"
        strip --strip-debug -o "$1/$program" ".build/release/$program"
    fi
done
