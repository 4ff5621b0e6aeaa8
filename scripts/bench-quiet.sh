#!/usr/bin/env bash
# Measures a response of 20 MB beside twelve streams of the same channel that were busy once and are quiet now. Prints a table with
# the rate beside them and after their end: without distance, and with the upstream or the client some milliseconds away. Needs a
# release build of the Proxy, gcc, make and the end-to-end tests' Python (.venv).
#
#   scripts/bench-quiet.sh              five rounds: about three minutes
#   scripts/bench-quiet.sh --rounds 1
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=scripts/lib/bench_setup.sh
source "$ROOT/scripts/lib/bench_setup.sh"

bench_packages gcc make libc6-dev iproute2 util-linux procps
make --no-print-directory -s -C "$ROOT/bench" BUILD="$BENCH/bin" "$BENCH/bin/delay"
bench_isolated "$ROOT/.venv/bin/python" "$ROOT/bench/quiet/measure.py" --delay "$BENCH/bin/delay" "$@"
