#!/usr/bin/env bash
# Activates the other color, or the one that is named. Streams in flight stay where they began. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/change.sh

usage() {
    cat <<'TEXT'
usage: scripts/switch.sh [blue|green] [--drain DURATION|off] [--wait DURATION] [--force REASON]

Makes the other color active, or the one that is named. Streams in flight stay where they began. While a release is under way
it is refused: the release comes to its end by itself, and scripts/rollback.sh takes it back.

  --drain DURATION how long streams in flight have to end by themselves, before they are ended with UNAVAILABLE; with
                   off as long as they like (by default the Proxy's --drain-timeout)
  --wait DURATION  answer only once the color left behind has no calls left, or DURATION (30s, 5m) is over
  --force REASON   make the change even if the new color is not healthy; the reason is kept in history and audit log

TEXT
}

change_command /switch "$@"
