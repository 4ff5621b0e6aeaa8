#!/usr/bin/env bash
# Shows the cost of a call in the Proxy or the Predictor: user instructions, counted by valgrind's callgrind, which are repeatable where times
# are not; and where processor time goes, by perf's samples. Needs Debian and release builds of the Proxy and the Predictor
# (PROXY and PREDICTOR name others); as root it installs everything else it needs.
#
#   scripts/profile.sh --scenarios 16x16           both, of one scenario
#   scripts/profile.sh --instructions --keep       count all scenarios and record the figures in bench/instructions.tsv
#   scripts/profile.sh --check 16x16,predict-16x16  exit 1 if one of them needs over 10 % more than the recorded figure, 77
#                                                  if they can't be counted here
#
# Callgrind's output stays in .build/bench/callgrind; to see the callers of each function:
#   callgrind_annotate --tree=caller --inclusive=yes .build/bench/callgrind/16x16.5000
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=scripts/lib/bench_setup.sh
source "$ROOT/scripts/lib/bench_setup.sh"

run=(python3 -m harness.profile --repository "$ROOT" --bench "$BENCH" "$@")
checks=''
wants_perf=1
for argument in "$@"; do
    case "$argument" in
        -h | --help) exec "${run[@]}" ;;
        --check | --check=*) checks=1 wants_perf='' ;;
        --instructions) wants_perf='' ;;
    esac
done

if ! bench_packages python3 iproute2 util-linux openssl binutils valgrind || ! bench_tools || ! bench_certificate; then
    bench_note "SKIPPED: valgrind or the tools can't be installed"
    [ -z "$checks" ] || exit 77
    exit 1
fi
[ -z "$wants_perf" ] || bench_packages linux-perf

bench_isolated "${run[@]}"
