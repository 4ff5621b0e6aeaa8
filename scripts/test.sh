#!/usr/bin/env bash
# Sets up, builds and runs the whole test suite. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/packages.sh
source scripts/lib/toolchain.sh
source scripts/lib/python.sh

usage() {
    cat <<'TEXT'
usage: scripts/test.sh [PYTEST ARGUMENT...]

Installs missing packages (apt, .venv), then runs: swift format lint, shellcheck, the static checks of everything else
(scripts/lint.sh), the build of programs and tests in one configuration, a comparison of the packages that were resolved
with those that are listed (Package.versions, requirements.txt), the unit tests, the check of the instructions
that a call costs the Proxy and the Predictor (scripts/profile.sh --check; skipped where they can't be counted), the
end-to-end tests with the built programs, and those with Triton's clients and beside MLServer (scripts/inference-peers.sh;
skipped where their packages can't be had). Arguments go to the end-to-end tests' pytest, as in `scripts/test.sh -k switch`,
and the last part is left out. Every part runs even if an earlier one has failed, except after a failed build.

Exit codes: 0 everything passed; 1 something failed; 69 something is missing; 70 the build failed;
77 packages are missing and this user can't install them.
TEXT
}

case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
esac

failed=()

# part NAME COMMAND... : runs a part of the suite; failures are listed at the end.
part() {
    local name=$1 began=$SECONDS
    shift
    say "$name"
    "$@" || failed+=("$name")
    say "$name took $((SECONDS - began)) s"
}

check_format() {
    swift format lint --strict --recursive --parallel Sources Tests bench/ModelBench Package.swift
}

check_scripts() {
    local -a scripts
    mapfile -t scripts < <(git ls-files -- 'scripts/*.sh' .ci/run)
    .venv/bin/shellcheck --external-sources --source-path=SCRIPTDIR "${scripts[@]}"
}

# Whether the build and the tests run with the packages of the committed lists.
check_dependencies() {
    scripts/swift_versions.sh check &&
        python3 -B scripts/python_versions.py .venv Tests/EndToEnd/requirements.txt scripts/requirements.txt \
            Tests/Containers/requirements.txt
}

# In four runs, by what their tests need: those of `waiting` wait for other tasks and processes, each for a minute at most,
# and would only wait for a thread beside those that compute, which keep all of the tasks' threads busy for minutes; HTTP1Tests
# have timeouts of a second besides; those of `models` measure how much memory the process takes. The output is also kept for
# the closing lines.
unit_tests() {
    local status=0 models='(Decompression|Pickle|ModelFiles|Estimators|OpenInference)Tests\.'
    local waiting='(Asking|ControlPlane|EventLoop|GRPCServer|Handover|HealthCheck|Proxy)Tests\.'
    swift_test --filter "$waiting" 2>&1 | tee "$logs/unit.log" || status=1
    swift_test --filter HTTP1Tests 2>&1 | tee -a "$logs/unit.log" || status=1
    swift_test --skip "$waiting" --skip HTTP1Tests --skip "$models" 2>&1 | tee -a "$logs/unit.log" || status=1
    swift_test --filter "$models" 2>&1 | tee -a "$logs/unit.log" || status=1
    return "$status"
}

# Fails if a call needs over 10 % more instructions in the Proxy or the Predictor than bench/instructions.tsv records.
check_instructions() {
    local status=0
    scripts/profile.sh --check 16x16,predict-16x16,infer-16x16 || status=$?
    [ "$status" -ne 77 ] || say "Skipped: instructions can't be counted here"
    [ "$status" -eq 0 ] || [ "$status" -eq 77 ]
}

end_to_end_tests() {
    .venv/bin/python -m pytest --rootdir Tests/EndToEnd -c Tests/EndToEnd/pytest.ini Tests/EndToEnd "$@" 2>&1 |
        tee "$logs/end-to-end.log"
}

# Without its packages (77) the rest has still been tested.
inference_peers() {
    local status=0
    scripts/inference-peers.sh 2>&1 | tee "$logs/inference-peers.log" || status=$?
    [ "$status" -eq 0 ] || [ "$status" -eq 77 ]
}

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

ensure_packages tests
ensure_swift
ensure_venv Tests/EndToEnd/requirements.txt
part "Format" check_format
part "Shell scripts" check_scripts
part "Static checks of everything else" scripts/lint.sh
began=$SECONDS
build_release all
say "The build took $((SECONDS - began)) s"
part "Resolved dependencies" check_dependencies
part "Unit tests" unit_tests
part "Instructions per call" check_instructions
part "End-to-end tests" end_to_end_tests "$@"
[ "$#" -gt 0 ] || part "Predictor with Triton's clients and beside MLServer" inference_peers

# What failed and each runner's summary once more, at the end.
grep -ahE -A 1 '✘ Test .* recorded an issue|[*]{3} Program crashed|^error: ' "$logs/unit.log" | head -n 60 || true
grep -ahE -A 3 '^Thread .* crashed:' "$logs/unit.log" | head -n 20 || true
grep -ah 'Test run with' "$logs/unit.log" || true
grep -hE '^=+ .*(passed|failed|error|no tests ran).* =+$' "$logs/end-to-end.log" | tail -n 1 || true
grep -hE '^=+ .*(passed|failed|error|no tests ran).* =+$' "$logs/inference-peers.log" 2>/dev/null || true
if [ "${#failed[@]}" -gt 0 ]; then
    warn "failed:$(printf ' %s;' "${failed[@]}")"
    exit 1
fi
say "Everything passed in $SECONDS s"
