#!/usr/bin/env bash
# Shows the state of the Proxy and of both colors. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/change.sh

usage() {
    cat <<'TEXT'
usage: scripts/health.sh

Shows which color is active, the health of both, and the release under way, if there is one.

Exit codes:
  0  the active color takes calls
  3  the admin API can't be reached
  5  refused: the token is missing or wrong
  6  the admin API gave another answer; the line says which
  8  the active color doesn't take calls, even if the other one takes them in its place
  64 wrong arguments
TEXT
    change_settings
}

case ${1:-} in
    "") ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) fail 64 "unknown argument: $1 (see --help)" ;;
esac

note_status health
look_for_readiness
[ -z "$unready" ] || give_up_unready
note "ready: calls go to ${found[0]}${release:+, and $share of them to $other}"
