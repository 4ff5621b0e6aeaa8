#!/usr/bin/env bash
# Compares builds of the Proxy, or of the Predictor, with each other, and with peers, by processor time per call. All run at the same time and are
# loaded in short turns, which shows a difference of a few percent, where separate runs spread by a third. Needs Debian, two
# cores and the files that scripts/bench.sh has fetched for the peers that are named.
#
#   scripts/compare.sh 16x16 /tmp/Proxy.before .build/release/Proxy
#   scripts/compare.sh tls-per-call .build/release/Proxy envoy nginx-newer --turns 100
#   scripts/compare.sh infer-16x16 /tmp/Predictor.before .build/release/Predictor grpcio
#   scripts/compare.sh --help
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=scripts/lib/bench_setup.sh
source "$ROOT/scripts/lib/bench_setup.sh"

run=(python3 -m harness.compare --repository "$ROOT" --bench "$BENCH" "$@")
for argument in "$@"; do
    case "$argument" in -h | --help) exec "${run[@]}" ;; esac
done

bench_packages python3 iproute2 openssl util-linux
bench_tools
bench_certificate

bench_isolated "${run[@]}"
