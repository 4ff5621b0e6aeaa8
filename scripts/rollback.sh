#!/usr/bin/env bash
# Switches back to the color before the last change, or takes a release back. Streams in flight stay where they began. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/change.sh

usage() {
    cat <<'TEXT'
usage: scripts/rollback.sh [--drain DURATION|off] [--wait DURATION] [--force REASON]

Goes back to the color before the last change; a second rollback goes forward again. A release that is under way is taken
back instead: all new calls go to the color that is active, and none to the new version. Streams in flight stay where they
began.

  --drain DURATION how long streams in flight have to end by themselves, before they are ended with UNAVAILABLE; with
                   off as long as they like (by default the Proxy's --drain-timeout)
  --wait DURATION  answer only once the color left behind has no calls left, or DURATION (30s, 5m) is over
  --force REASON   make the change even if the new color is not healthy; the reason is kept in history and audit log

TEXT
}

change_command /rollback "$@"
