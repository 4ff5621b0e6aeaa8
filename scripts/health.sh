#!/usr/bin/env bash
# health.sh : shows the state of the Proxy and of both colors. Exits with 0 if the active color takes calls, with 8 if not (even
# if the other one takes them in its place), and with 3 if the Proxy does not answer. The settings are those of switch.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/change.sh

note_status health
look_for_readiness
[ -z "$unready" ] || give_up "$exit_not_ready" "not ready: $unready"
note "ready: calls go to ${found[0]}"
