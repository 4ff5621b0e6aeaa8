#!/usr/bin/env bash
# Runs tests and fuzzers under a sanitizer. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/toolchain.sh

usage() {
    cat <<'TEXT'
usage: scripts/sanitize.sh [address|thread]... [--cases N]

Builds the modules without external dependencies (EventLoop, HTTP2, TLS, DataPlane, Pickle) with a sanitizer and runs their
unit tests and fuzzers: with AddressSanitizer, or those that are named. Each report fails it. ThreadSanitizer also reports
what a test is handed by a continuation, as Swift's concurrency runtime is not instrumented.

  --cases N  cases of each fuzzer (20000)

Everything is built under .build/sanitize and nothing else is touched.

Exit codes: 0 clean; 1 a test failed or a sanitizer reported something; 64 wrong arguments; 69 something is missing;
70 the build failed.
TEXT
}

sanitizers=()
cases=20000
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help)
            usage
            exit 0
            ;;
        address | thread) sanitizers+=("$1") ;;
        --cases)
            [[ ${2:-} =~ ^[0-9]+$ ]] || fail 64 "--cases needs a number"
            cases=$2
            shift
            ;;
        *) fail 64 "unknown argument: $1 (see --help)" ;;
    esac
    shift
done
[ ${#sanitizers[@]} -gt 0 ] || sanitizers=(address)

ensure_swift
readonly folder=$PWD/.build/sanitize
# What a sanitizer finds ends the process, so that no test can pass over it.
export ASAN_OPTIONS=abort_on_error=0:halt_on_error=1:detect_leaks=0:detect_stack_use_after_return=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1

# A package of the modules that depend on nothing but the system: built in a minute instead of a quarter of an hour.
make_package() {
    local package=$folder/sluice name
    mkdir -p "$package"
    for name in Sources Tests models; do ln -sfn "$PWD/$name" "$package/$name"; done
    cat >"$package/Package.swift" <<'SWIFT'
// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
]
let hotPath: [SwiftSetting] = strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"])]
let package = Package(
    name: "sluice",
    platforms: [.macOS(.v15)],
    targets: [
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl"),
        .target(name: "CLinux"),
        .target(name: "EventLoop", dependencies: ["CLinux"], swiftSettings: hotPath),
        .testTarget(name: "EventLoopTests", dependencies: ["EventLoop"], swiftSettings: strict),
        .target(name: "TLS", dependencies: ["COpenSSL", "EventLoop"], swiftSettings: hotPath),
        .target(name: "HTTP2", dependencies: ["CNghttp2"], swiftSettings: hotPath),
        .testTarget(name: "HTTP2Tests", dependencies: ["HTTP2"], swiftSettings: strict),
        .target(name: "DataPlane", dependencies: ["EventLoop", "HTTP2", "TLS"], swiftSettings: hotPath),
        .testTarget(name: "DataPlaneTests", dependencies: ["DataPlane", "EventLoop", "HTTP2"], swiftSettings: strict),
        .target(name: "Pickle", swiftSettings: strict),
        .testTarget(name: "PickleTests", dependencies: ["Pickle"], swiftSettings: strict),
    ])
SWIFT
}

failed=()
make_package
for sanitizer in "${sanitizers[@]}"; do
    say "$sanitizer: building the modules without dependencies"
    options=(--package-path "$folder/sluice" --scratch-path "$folder/$sanitizer" -c release --sanitize "$sanitizer")
    swift build "${options[@]}" --build-tests || fail 70 "the build failed"
    say "$sanitizer: unit tests and fuzzers, $cases cases each"
    began=$SECONDS
    SLUICE_FUZZ_CASES=$cases swift test "${options[@]}" --skip-build --disable-xctest || failed+=("$sanitizer: modules")
    say "$sanitizer: that took $((SECONDS - began)) s"
done

if [ ${#failed[@]} -gt 0 ]; then
    warn "failed:$(printf ' %s;' "${failed[@]}")"
    exit 1
fi
say "Clean under: ${sanitizers[*]}"
