#!/usr/bin/env bash
# health.sh : the state of the Proxy and both colors. Exits with 0 if the active color takes calls, 8 if not, 3 if the
# Proxy does not answer. The settings are those of switch.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/change.sh

note_status health
admin GET /readyz --max-time 10
[ "$http_status" = 200 ] || give_up "$exit_not_ready" "not ready: $(error_text)"
fields active
note "ready: calls go to ${found[0]}"
