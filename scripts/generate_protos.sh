#!/usr/bin/env bash
# Generates the committed Swift code in the folders named Generated from protos/ and Tests/InteropServer.
#
# Run it after a change in a .proto file or with a new version of swift-protobuf, and commit the result. Needs protoc (apt
# install protobuf-compiler); its Swift plugin is built from the package's own dependencies.
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
swift_build --product protoc-gen-swift
bin="$(swift_build --show-bin-path)"

out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT

# messages FOLDER FILE... : the messages, visible to every module of this package, and to none outside it.
messages() {
    generate protos "$1" Visibility=Package,UseAccessLevelOnImports=true "${@:2}"
}

# generate SOURCES FOLDER OPTIONS FILE...
generate() {
    mkdir -p "$out/$2/Generated"
    protoc --proto_path="$1" --plugin="$bin/protoc-gen-swift" --swift_opt="$3,FileNaming=DropPath" \
        --swift_out="$out/$2/Generated" "${@:4}"
}

# descriptors FOLDER NAME FILE... : what server reflection tells of the files, as `enum NAME`.
descriptors() {
    mkdir -p "$out/$1/Generated"
    protoc --proto_path=protos --include_imports --descriptor_set_out="$out/set" "${@:3}"
    scripts/embed_descriptors.py "$2" < "$out/set" > "$out/$1/Generated/$2.swift"
    rm "$out/set"
}

health=grpc/health/v1/health.proto
reflection=grpc/reflection/v1/reflection.proto
messages Sources/HealthAPI "$health"
descriptors Sources/HealthAPI HealthDescriptors "$health"
messages Sources/PredictionAPI prediction.proto inference.proto
descriptors Sources/PredictionAPI PredictionDescriptors prediction.proto inference.proto
# The messages of v1alpha are the same bytes, so only its descriptors are needed.
messages Sources/Reflection "$reflection"
descriptors Sources/Reflection ReflectionDescriptors "$reflection" grpc/reflection/v1alpha/reflection.proto
# A program's own.
generate Tests/InteropServer Tests/InteropServer Visibility=Internal interop.proto

while IFS= read -r file; do
    if $check; then
        if ! cmp -s "$out/$file" "$file"; then
            echo "generate_protos: $file is out of date; run scripts/generate_protos.sh" >&2
            exit 1
        fi
    else
        mkdir -p "$(dirname "$file")"
        cp "$out/$file" "$file"
    fi
done < <(cd "$out" && find . -name '*.swift' | sort)
