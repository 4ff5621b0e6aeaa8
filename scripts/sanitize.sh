#!/usr/bin/env bash
# Runs tests and fuzzers under a sanitizer. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/toolchain.sh
source scripts/lib/python.sh
source scripts/lib/alone.sh

usage() {
    cat <<'TEXT'
usage: scripts/sanitize.sh [address|thread]... [--cases N] [--proxy [PYTEST ARGUMENT...]]

Runs tests and fuzzers with AddressSanitizer, or with the sanitizers that are named. Any report is a failure.

The build also checks assertions and the law of exclusivity, which the release build doesn't.

Without --proxy: builds the modules without external dependencies (Ground, EventLoop, HTTP2, TLS, DataPlane, Pickle …) and runs
their unit tests and fuzzers (about 2 minutes for each sanitizer).

  --cases N  cases of each fuzzer (20000; with --proxy 1000)
  --proxy    builds the whole Proxy instead (a quarter of an hour on 2 cores at first) and runs its end-to-end tests,
             including its fuzzers (about 8 minutes); other arguments after it go to pytest, as in `--proxy -k retries`

The Predictor and the HealthProbe are the ordinary ones of .build/release, which are built if they are missing. Memory is
not measured, because most of it would be the sanitizer's own. Nothing is suppressed: scripts/lib/tsan_swift.c tells
ThreadSanitizer how Swift's libraries synchronize. Everything is built under .build/sanitize.

Exit codes: 0 clean; 1 a test failed or a sanitizer reported something; 64 wrong arguments; 69 something is missing;
70 the build failed.
TEXT
}

sanitizers=()
cases=
proxy=false
pytest=()
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
        --proxy) proxy=true ;;
        *)
            [ "$proxy" = true ] || fail 64 "unknown argument: $1 (see --help)"
            pytest+=("$1")
            ;;
    esac
    shift
done
[ ${#sanitizers[@]} -gt 0 ] || sanitizers=(address)

ensure_swift
readonly folder=$PWD/.build/sanitize
readonly address_options=abort_on_error=0:halt_on_error=1:detect_leaks=0:detect_stack_use_after_return=1
readonly thread_options=halt_on_error=1:second_deadlock_stack=1

# sanitizer_options [MORE] : a sanitizer's finding ends the process, so that no test can miss it.
sanitizer_options() {
    export ASAN_OPTIONS=$address_options${1:+:$1} TSAN_OPTIONS=$thread_options${1:+:$1}
    # Swift's own handler of crashes reads the stacks of other threads, for which AddressSanitizer ends it halfway: the
    # failed assertion would be lost behind its report, and the test run would never end.
    export SWIFT_BACKTRACE=enable=no
}

# Sets build_options for a sanitizer.
set_build_options() {
    # Without pools, because AddressSanitizer takes the memory that they keep for memory in use. Assertions are on, and with
    # SLUICE_CHECKED the checks of the law of exclusivity.
    export SLUICE_CHECKED=1
    build_options=(
        --sanitize "$1" -Xswiftc -DSLUICE_WITHOUT_POOLS -Xswiftc -assert-config -Xswiftc Debug
    )
    [ "$1" = thread ] || return 0
    # A name for each version: a build looks only at its own sources to see whether it must link again.
    local source=scripts/lib/tsan_swift.c object
    object=$folder/tsan_swift-$(cksum <"$source" | cut -d ' ' -f 1).o
    clang -O1 -Wall -Werror -c "$source" -o "$object" || fail 70 "the build failed"
    build_options+=(-Xlinker "$object")
}

# test_modules SANITIZER
test_modules() {
    local sanitizer=$1 began=$SECONDS
    local -a options=(--package-path "$folder/sluice" --scratch-path "$folder/$sanitizer" "${build_options[@]}")
    say "$sanitizer: building the modules without dependencies"
    make_package_alone "$folder/sluice"
    swift_build "${options[@]}" --build-tests || fail 70 "the build failed"
    say "$sanitizer: unit tests and fuzzers, ${cases:-20000} cases each"
    sanitizer_options
    SLUICE_FUZZ_CASES=${cases:-20000} swift_test "${options[@]}" ||
        failed+=("$sanitizer: modules")
    say "$sanitizer: that took $((SECONDS - began)) s"
}

# test_proxy SANITIZER
test_proxy() {
    local sanitizer=$1 began=$SECONDS name
    local binaries=$folder/proxy-$1-bin reports=$folder/proxy-$1-reports
    local -a options=(--scratch-path "$folder/proxy-$sanitizer" "${build_options[@]}") tests=()
    say "$sanitizer: building the Proxy"
    swift_build "${options[@]}" --product Proxy || fail 70 "the build failed"
    [ -x .build/release/Predictor ] && [ -x .build/release/HealthProbe ] || build_release programs
    rm -rf "$binaries" "$reports"
    mkdir -p "$binaries" "$reports"
    ln -s "$(swift_build "${options[@]}" --show-bin-path)/Proxy" "$binaries/Proxy"
    ln -s "$PWD/.build/release/Predictor" "$PWD/.build/release/HealthProbe" "$binaries/"
    say "$sanitizer: end-to-end tests"
    # Leaves out the tests of other programs.
    for name in health_probe model_equality predictor scripts; do tests+=(--ignore "Tests/EndToEnd/test_$name.py"); done
    sanitizer_options "log_path=$reports/report"
    SLUICE_BIN_DIR=$binaries SLUICE_FUZZ_CASES=${cases:-1000} SLUICE_SANITIZED=$sanitizer \
        .venv/bin/python -m pytest --rootdir Tests/EndToEnd -c Tests/EndToEnd/pytest.ini -q Tests/EndToEnd "${tests[@]}" \
        "${pytest[@]}" || failed+=("$sanitizer: end-to-end tests")
    # A Proxy that a test ends anyway may have reported something that no one noticed.
    if [ -n "$(ls -A "$reports")" ]; then
        cat "$reports"/*
        failed+=("$sanitizer: reports in $reports")
    fi
    say "$sanitizer: that took $((SECONDS - began)) s"
}

mkdir -p "$folder"
[ "$proxy" = false ] || ensure_venv Tests/EndToEnd/requirements.txt
failed=()
for sanitizer in "${sanitizers[@]}"; do
    set_build_options "$sanitizer"
    if [ "$proxy" = true ]; then test_proxy "$sanitizer"; else test_modules "$sanitizer"; fi
done

if [ ${#failed[@]} -gt 0 ]; then
    warn "failed:$(printf ' %s;' "${failed[@]}")"
    exit 1
fi
say "Clean under: ${sanitizers[*]}"
