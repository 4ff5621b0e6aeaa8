#!/usr/bin/env bash
# Writes each requirements.txt anew from the requirements.in beside it. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh

usage() {
    cat <<'TEXT'
usage: scripts/pin_requirements.sh [UV OPTION...]

Resolves every *requirements.in (the packages that are needed directly, each with its version) and writes *requirements.txt:
all packages with the hashes of their files, for every system and Python version that is supported. Versions that the file
has already are kept if they still fit; `scripts/pin_requirements.sh --upgrade` takes newer ones of what the direct packages
need. Needs .venv-lint, which scripts/lint.sh makes.

Exit codes: 0 done; 69 something is missing; any other: uv's.
TEXT
}

case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
esac

[ -x .venv-lint/bin/uv ] || fail 69 ".venv-lint/bin/uv is missing; run scripts/lint.sh once"
export UV_CUSTOM_COMPILE_COMMAND=scripts/pin_requirements.sh

# pin FILE PYTHON [OPTION...] : PYTHON is the oldest version that the packages are installed under.
pin() {
    local file=$1 python=$2
    shift 2
    say "$file.txt"
    .venv-lint/bin/uv pip compile --quiet --no-progress --universal --python-version "$python" --generate-hashes \
        --no-annotate "$@" "$file.in" --output-file "$file.txt"
}

pin Tests/EndToEnd/requirements 3.11 "$@"
# These are installed into the same environment, so packages that several of them need must have one version.
pin scripts/requirements 3.10 --constraint Tests/EndToEnd/requirements.txt "$@"
pin Tests/Containers/requirements 3.11 --constraint Tests/EndToEnd/requirements.txt "$@"
pin scripts/lint-requirements 3.11 "$@"
pin bench/requirements 3.11 "$@"
pin Tests/InferencePeers/requirements 3.11 "$@"
pin bench/peers/python/requirements 3.11 "$@"
pin bench/peers/mlserver/requirements 3.11 "$@"
