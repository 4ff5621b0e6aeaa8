#!/usr/bin/env bash
# Writes all models and answers beside this file anew, with each version of scikit-learn that has a wheel for this
# Python, and those of XGBoost and LightGBM with versions of their own: make_models.sh [FAMILY…]. The environments are
# kept in .venv-sklearn; the folder packages lists what is in them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# Sets are written in the order of their hashes.
export PYTHONHASHSEED=0
root="$(git rev-parse --show-toplevel)"
if [[ $# -eq 0 ]]; then
    # shellcheck disable=SC2046  # Names of families have no spaces.
    set -- $(basename -a -s .py cases_*.py | sed 's/^cases_//')
fi

# make NAME FAMILY…: with the environment of packages/NAME.txt.
make() {
    local venv="${SKLEARN_VENVS:-$root/.venv-sklearn}/${1#scikit-learn-}"
    if [[ ! -e "$venv/ready" ]]; then
        python3 -m venv "$venv"
        # The lists are whole, but for what XGBoost needs for graphics processors alone.
        "$venv/bin/pip" install -q --no-deps --require-hashes -r "packages/$1.txt"
        touch "$venv/ready"
    fi
    echo "$1"
    "$venv/bin/python" -B make_models.py "${@:2}"
}

families=()
for family in "$@"; do
    case "$family" in
    xgboost) for version in 1.7.6 2.1.4 3.2.0; do make "xgboost-$version" xgboost; done ;;
    lightgbm) for version in 4.6.0 4.7.0; do make "lightgbm-$version" lightgbm; done ;;
    *) families+=("$family") ;;
    esac
done
if [[ ${#families[@]} -gt 0 ]]; then
    for version in 1.2.2 1.4.2 1.6.1 1.9.1; do make "scikit-learn-$version" "${families[@]}"; done
fi
