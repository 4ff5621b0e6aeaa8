#!/usr/bin/env bash
# upgrade.sh IMAGE [options] : replaces the Proxy of the running Compose stack without losing a call.
# upgrade.sh --help lists its options and exit statuses; the steps are in scripts/lib/proxy_upgrade/proxy_upgrade.py.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
command -v python3 >/dev/null || { echo "upgrade.sh: python3 (3.9 or newer) is needed" >&2; exit 2; }
export PYTHONPATH="$root/scripts/lib${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=1
exec python3 -m proxy_upgrade "$@"
