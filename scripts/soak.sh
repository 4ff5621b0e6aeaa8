#!/usr/bin/env bash
# The tests that take minutes. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/packages.sh
source scripts/lib/toolchain.sh
source scripts/lib/python.sh

usage() {
    cat <<'TEXT'
usage: scripts/soak.sh [PART...]

Runs what is too long for scripts/test.sh, and says for each part what it ran and how long it took. Parts, all by default:

  fuzz        every Swift fuzzer with 100000 cases, and the fuzzers of the running Proxy with 10000 each (about 5 minutes)
  simulation  100000 seeds of the data plane's simulation (about 12 minutes)
  strict      5000 generated requests to each strict server and as many responses to each strict client (about 10 minutes)
  calls       1000000 checked calls through 1000 switches with 50 long streams (about a minute)
  ends        1000 ends each of the Proxy and the Predictor, and 1000 refused starts, while clients ask without a pause
              (about 10 minutes)
  switches    1000 switches under the load of gRPC clients, each call checked against the clock (about 3 minutes)
  releases    200 releases of equal versions whose calls are drawn by lot, and 200 whose calls are drawn by key, each with
              2000 judged calls: no return, no failed call (about 8 minutes)

Environment: SLUICE_FUZZ_CASES (cases of each Swift fuzzer), SLUICE_PROXY_FUZZ_CASES, SLUICE_SIMULATION_SEEDS,
SLUICE_SOAK_CALLS, SLUICE_SOAK_SWITCHES, SLUICE_SOAK_ENDS, SLUICE_SOAK_RELEASES, SLUICE_STRICT_CASES.

scripts/sanitize.sh runs the fuzzers under sanitizers.

Exit codes: 0 everything passed; 1 something failed; 64 wrong arguments; 69 something is missing; 70 the build failed;
77 packages are missing and this user can't install them.
TEXT
}

parts=()
for argument in "$@"; do
    case $argument in
        -h | --help)
            usage
            exit 0
            ;;
        fuzz | simulation | strict | calls | ends | switches | releases) parts+=("$argument") ;;
        *) fail 64 "unknown part: $argument (see --help)" ;;
    esac
done
[ ${#parts[@]} -gt 0 ] || parts=(fuzz simulation strict calls ends switches releases)

: "${SLUICE_FUZZ_CASES:=100000}" "${SLUICE_PROXY_FUZZ_CASES:=10000}"
: "${SLUICE_SOAK_CALLS:=1000000}" "${SLUICE_SOAK_SWITCHES:=1000}" "${SLUICE_SOAK_ENDS:=1000}"
: "${SLUICE_STRICT_CASES:=5000}" "${SLUICE_SIMULATION_SEEDS:=100000}" "${SLUICE_SOAK_RELEASES:=200}"
export SLUICE_SOAK_CALLS SLUICE_SOAK_SWITCHES
failed=()

# part NAME COMMAND... : runs a part; failures are reported at the end.
part() {
    local name=$1 began=$SECONDS
    shift
    say "$name"
    "$@" || failed+=("$name")
    say "$name took $((SECONDS - began)) s"
}

end_to_end() {
    .venv/bin/python -m pytest --rootdir Tests/EndToEnd -c Tests/EndToEnd/pytest.ini -q -s "$@"
}

ensure_packages tests
ensure_swift
ensure_venv Tests/EndToEnd/requirements.txt
build_release all
for name in "${parts[@]}"; do
    case $name in
        fuzz)
            export SLUICE_FUZZ_CASES
            part "Fuzzers, $SLUICE_FUZZ_CASES cases each" \
                swift_test --filter FuzzTests
            export SLUICE_FUZZ_CASES=$SLUICE_PROXY_FUZZ_CASES
            part "Fuzzers of the Proxy, $SLUICE_PROXY_FUZZ_CASES cases each" \
                end_to_end Tests/EndToEnd/test_fuzz.py
            ;;
        simulation)
            export SLUICE_SIMULATION_SEEDS
            part "Simulation, $SLUICE_SIMULATION_SEEDS seeds" \
                swift_test --filter SimulationTests
            ;;
        strict)
            export SLUICE_STRICT_CASES
            part "Strict peers, $SLUICE_STRICT_CASES cases each" \
                end_to_end Tests/EndToEnd/test_strict_peers.py -k witness
            ;;
        calls)
            make --no-print-directory -s -C bench BUILD="$PWD/.build/bench/bin" || fail 70 "the load's driver can't be built"
            SLUICE_BENCH_BIN=$PWD/.build/bench/bin part "$SLUICE_SOAK_CALLS calls, $SLUICE_SOAK_SWITCHES switches" \
                end_to_end Tests/EndToEnd/soak.py -k thousand_switches
            ;;
        ends)
            SLUICE_ENDS=$SLUICE_SOAK_ENDS part "$SLUICE_SOAK_ENDS ends of each program among clients" \
                end_to_end Tests/EndToEnd/test_ends_among_clients.py
            ;;
        switches)
            SLUICE_SWITCHES=$SLUICE_SOAK_SWITCHES part "$SLUICE_SOAK_SWITCHES switches against the clock" \
                end_to_end Tests/EndToEnd/test_switch.py -k under_load
            ;;
        releases)
            SLUICE_GOOD_RELEASES=$SLUICE_SOAK_RELEASES part "$SLUICE_SOAK_RELEASES good releases by lot, as many by key" \
                end_to_end Tests/EndToEnd/soak.py -k good_releases
            ;;
    esac
done

if [ ${#failed[@]} -gt 0 ]; then
    warn "failed:$(printf ' %s;' "${failed[@]}")"
    exit 1
fi
say "Everything passed in $SECONDS s"
