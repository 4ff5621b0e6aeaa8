#!/usr/bin/env bash
# Writes all models and answers beside this file anew, with each version of scikit-learn that has a wheel for this
# Python: make_models.sh [FAMILY…]. The environments are kept in .venv-sklearn; the folder packages lists what is in them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# Sets are written in the order of their hashes.
export PYTHONHASHSEED=0
root="$(git rev-parse --show-toplevel)"

for version in 1.2.2 1.4.2 1.6.1 1.9.1; do
    venv="${SKLEARN_VENVS:-$root/.venv-sklearn}/$version"
    if [[ ! -e "$venv/ready" ]]; then
        python3 -m venv "$venv"
        "$venv/bin/pip" install -q --require-hashes -r "packages/scikit-learn-$version.txt"
        touch "$venv/ready"
    fi
    echo "scikit-learn $version"
    "$venv/bin/python" -B make_models.py "$@"
done
