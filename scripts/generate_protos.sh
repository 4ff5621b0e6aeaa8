#!/usr/bin/env bash
# Generates the committed Swift code in Sources/HealthAPI and Sources/PredictionAPI from protos/.
#
# Run it after a change in protos/ or with a new version of swift-protobuf or grpc-swift-protobuf,
# and commit the result. Needs protoc (apt install protobuf-compiler); the two Swift plugins are
# built from the package's own dependencies.
#
#   scripts/generate_protos.sh           write the generated files
#   scripts/generate_protos.sh --check   write nothing; exit 1 if the committed files are out of date
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/toolchain.sh

usage="usage: scripts/generate_protos.sh [--check]"
check=false
case "${1-}" in
    "") ;;
    --check) check=true ;;
    -h | --help) echo "$usage"; exit 0 ;;
    *) echo "$usage" >&2; exit 64 ;;
esac

if ! command -v protoc > /dev/null; then
    echo "generate_protos: protoc is missing (apt install protobuf-compiler)" >&2
    exit 69
fi

ensure_swift
for plugin in protoc-gen-swift protoc-gen-grpc-swift-2; do
    swift_build --product "$plugin"
done
bin="$(swift_build --show-bin-path)"

out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT
mkdir -p "$out/HealthAPI/Generated" "$out/PredictionAPI/Generated"

# Messages: visible to every module of this package, and to none outside it.
messages() {
    protoc --proto_path=protos --plugin="$bin/protoc-gen-swift" \
        --swift_opt=Visibility=Package,UseAccessLevelOnImports=true,FileNaming=DropPath \
        --swift_out="$out/$1/Generated" "protos/$2"
}

# Services: the server side only. The messages of health.proto are in a module of their own, which the health checker
# uses without gRPC.
services() {
    protoc --proto_path=protos --plugin="$bin/protoc-gen-grpc-swift-2" \
        --grpc-swift-2_opt="Visibility=Package,UseAccessLevelOnImports=true,FileNaming=DropPath,Client=false${3:+,$3}" \
        --grpc-swift-2_out="$out/$1/Generated" "protos/$2"
}

messages HealthAPI health.proto
messages PredictionAPI prediction.proto
messages PredictionAPI inference.proto
services PredictionAPI prediction.proto
services PredictionAPI health.proto ExtraModuleImports=HealthAPI

for file in HealthAPI/Generated/health.pb.swift PredictionAPI/Generated/{prediction.pb,inference.pb,prediction.grpc,health.grpc}.swift; do
    if $check; then
        if ! cmp -s "$out/$file" "Sources/$file"; then
            echo "generate_protos: Sources/$file is out of date; run scripts/generate_protos.sh" >&2
            exit 1
        fi
    else
        cp "$out/$file" "Sources/$file"
    fi
done
