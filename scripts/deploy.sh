#!/usr/bin/env bash
# deploy.sh VERSION [options] : the blue-green deployment of a version of a service on its Compose stack.
# deploy.sh --help lists its options and exit statuses; the steps are in scripts/lib/deployment/deployment.py.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
command -v python3 >/dev/null || { echo "deploy.sh: python3 (3.9 or newer) is needed" >&2; exit 2; }
export PYTHONPATH="$root/scripts/lib${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=1
exec python3 -m deployment "$@"
