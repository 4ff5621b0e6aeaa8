#!/usr/bin/env bash
# Writes all models and answers beside this file anew, with each version of scikit-learn that has a wheel for this
# Python: make_models.sh [FAMILY…]. The environments are kept in .venv-sklearn.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# Sets are written in the order of their hashes.
export PYTHONHASHSEED=0
root="$(git rev-parse --show-toplevel)"

for version in 1.2.2 1.4.2 1.6.1 1.9.1; do
    venv="${SKLEARN_VENVS:-$root/.venv-sklearn}/$version"
    if [[ ! -e "$venv/ready" ]]; then
        # The first versions with wheels for numpy 2 are 1.5; earlier ones need numpy 1.
        case "$version" in 1.2.* | 1.4.*) numpy='numpy<2' ;; *) numpy='numpy>=2' ;; esac
        python3 -m venv "$venv"
        "$venv/bin/pip" install -q "scikit-learn==$version" "$numpy" pandas
        # skops takes the newest alone.
        if [[ $version == 1.9.* ]]; then "$venv/bin/pip" install -q skops; fi
        touch "$venv/ready"
    fi
    echo "scikit-learn $version"
    "$venv/bin/python" -B make_models.py "$@"
done
