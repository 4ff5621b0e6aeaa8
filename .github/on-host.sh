#!/usr/bin/env bash
# on-host.sh COMMAND : runs a command on the host `target` of ~/.ssh/config, and again where the connection is lost, which ssh
# tells by 255. COMMAND may have run to its end by then, so a second run of it must do no harm. Exits with COMMAND's status, or
# with 255 if the host stays away.
set -uo pipefail

for pause in 5 10 20 40 60 60 60 0; do
    status=0
    # shellcheck disable=SC2029 # It is expanded here, so that it runs there.
    ssh target "$1" || status=$?
    [ "$status" -eq 255 ] || exit "$status"
    echo "::warning::lost the connection to the host" >&2
    sleep "$pause"
done
echo "::error::the host can't be reached; what was asked of it: $1" >&2
exit 255
