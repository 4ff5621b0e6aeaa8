# shellcheck shell=bash
# The Swift toolchain, and the one configuration in which everything is built. Needs log.sh.

readonly swift_needed=6.3

# Makes sure that `swift` is installed and new enough.
ensure_swift() {
    local folder version
    if ! command -v swift >/dev/null; then
        for folder in /opt/swift/usr/bin /usr/share/swift/usr/bin "$HOME/.local/share/swiftly/bin"; do
            if [ -x "$folder/swift" ]; then PATH=$folder:$PATH; fi
        done
    fi
    command -v swift >/dev/null ||
        fail 69 "swift is not in PATH. Install a Swift $swift_needed toolchain: https://www.swift.org/install/linux/"
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -n 1)
    [ -n "$version" ] || fail 69 "swift --version tells no version"
    [ "$(printf '%s\n' "$swift_needed" "$version" | sort -V | head -n 1)" = "$swift_needed" ] ||
        fail 69 "Swift $version is too old, $swift_needed or newer is needed: https://www.swift.org/install/linux/"
}

# swift_build ARGUMENT... : `swift build` as everything here is built. A test sees to it that nothing calls it otherwise.
#
# Release is the only configuration: what is tested is what runs, and nothing is built twice. SwiftPM adds an option to every
# module's command where its output goes to a terminal, and writes some options in an order that depends on its hashes, so that
# the same sources would be compiled again. The programs and tests keep their random hashes: the variable is for the build alone.
swift_build() {
    SWIFT_DETERMINISTIC_HASHING=1 swift build -c release --no-color-diagnostics "$@"
}

# swift_test ARGUMENT... : runs tests that are built already.
swift_test() {
    swift test -c release --no-color-diagnostics --skip-build --disable-xctest "$@"
}

# The programs, and what is built for tests: the bundle of all unit tests, and programs that end-to-end tests run.
readonly programs=(Proxy Predictor HealthProbe)
readonly unit_tests=sluicePackageTests
readonly test_programs=(InteropServer)

# build_release programs|all : builds the programs, or the tests too.
#
# Product by product, as a build of everything takes in all programs of every dependency: swift-protobuf's has protoc, which is
# as much to compile as all the rest.
build_release() {
    local product
    local -a products=()
    [ "$1" = programs ] || products=("$unit_tests" "${test_programs[@]}")
    products+=("${programs[@]}")
    say "Building (a first build takes 5 minutes on two idle cores, and longer on busy ones; the next ones seconds)"
    for product in "${products[@]}"; do
        swift_build --product "$product" || fail 70 "the build of $product failed"
    done
}
