#!/usr/bin/env bash
# The tests of the Predictor with tritonclient and beside MLServer. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/python.sh

usage() {
    cat <<'TEXT'
usage: scripts/inference-peers.sh [PYTEST ARGUMENT...]

Tests the built Predictor with the clients of Triton (tritonclient, gRPC and HTTP), and beside MLServer, which is asked the
same. Both need packages that don't fit the other tests', so they have an environment of their own, .venv-inference, which
this script makes (540 MB, about a minute). scripts/test.sh runs it.

Environment: SLUICE_BIN_DIR (where the built programs are).

Exit codes: 0 everything passed; 1 something failed; 69 a package is missing; 77 the packages can't be had here.
TEXT
}

case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
esac

venv=.venv-inference
(ensure_venv Tests/InferencePeers/requirements.txt "$venv") || {
    warn "Skipped: tritonclient and mlserver can't be installed here (is PyPI out of reach?)"
    exit 77
}
python3 -B scripts/python_versions.py "$venv" Tests/InferencePeers/requirements.txt

# tritonclient and mlserver have messages of the same names, of which one process can have only one.
status=0
for files in 'test_triton_*.py' test_mlserver.py; do
    # shellcheck disable=SC2086 # The pattern is to become files.
    "$venv/bin/python" -B -m pytest --rootdir Tests/InferencePeers -c Tests/InferencePeers/pytest.ini \
        Tests/InferencePeers/$files "$@" || status=1
done
exit "$status"
