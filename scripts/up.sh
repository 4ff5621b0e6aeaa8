#!/usr/bin/env bash
# Sets up, builds and runs the whole of Sluice on this machine, without containers. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/packages.sh
source scripts/lib/toolchain.sh
source scripts/lib/python.sh
source scripts/lib/ports.sh
source scripts/lib/processes.sh

usage() {
    cat <<'TEXT'
usage: scripts/up.sh

Installs missing packages (apt), builds, and runs on this machine until Ctrl-C: a blue Predictor (v1.0.0), a green
Predictor (v1.1.0), and the Proxy in front of them.

Settings (environment):
  SLUICE_LISTEN    where the Proxy takes calls, HOST:PORT (0.0.0.0:50050)
  SLUICE_ADMIN     its admin API, HOST:PORT (127.0.0.1:9901)
  BLUE_PORT        gRPC port of the blue Predictor (50051); it serves HTTP on BLUE_HTTP_PORT (BLUE_PORT + 1000)
  GREEN_PORT       gRPC port of the green Predictor (50052); it serves HTTP on GREEN_HTTP_PORT (GREEN_PORT + 1000)
  SLUICE_RUN_DIR   folder for state, audit log and logs (.run)

Exit codes: 0 ended by Ctrl-C or SIGTERM; 64 wrong arguments or settings; 69 something is missing, a port is taken, or
another scripts/up.sh uses the same folder; 70 the build or a start failed, or the Proxy ended by itself; 77 packages are
missing and this user can't install them; 130 stopped by Ctrl-C before the programs were started.
TEXT
}

case ${1:-} in
    "") ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        usage >&2
        exit 64
        ;;
esac

readonly listen=${SLUICE_LISTEN:-0.0.0.0:50050} admin=${SLUICE_ADMIN:-127.0.0.1:9901}
readonly blue_port=${BLUE_PORT:-50051} green_port=${GREEN_PORT:-50052}
require_address SLUICE_LISTEN "$listen" 0.0.0.0
require_address SLUICE_ADMIN "$admin" 127.0.0.1
require_port BLUE_PORT "$blue_port"
require_port GREEN_PORT "$green_port"
readonly blue_http_port=${BLUE_HTTP_PORT:-$((blue_port + 1000))} green_http_port=${GREEN_HTTP_PORT:-$((green_port + 1000))}
require_port BLUE_HTTP_PORT "$blue_http_port"
require_port GREEN_HTTP_PORT "$green_http_port"
require_distinct_ports SLUICE_LISTEN "${listen##*:}" SLUICE_ADMIN "${admin##*:}" BLUE_PORT "$blue_port" \
    GREEN_PORT "$green_port" BLUE_HTTP_PORT "$blue_http_port" GREEN_HTTP_PORT "$green_http_port"
# The Proxy would refuse it, after the build.
[[ ${admin%:*} =~ ^(127\..*|localhost|\[::1\])$ ]] || [ -n "${SLUICE_ADMIN_TOKEN_FILE:-}" ] ||
    fail 64 "SLUICE_ADMIN=$admin can be reached from outside, which needs a token: SLUICE_ADMIN_TOKEN_FILE names its file"
readonly run_folder=${SLUICE_RUN_DIR:-.run}
readonly call_address=127.0.0.1:${listen##*:}

# claim_run_folder builds|runs : notes what this process does with the folder; ends the script if another one uses it.
claim_run_folder() {
    local claim=$run_folder/up.lock id="" state=""
    mkdir -p "$run_folder"
    if read -r id state 2>/dev/null <"$claim" && [ "$id" != $$ ] &&
        tr '\0' ' ' 2>/dev/null <"/proc/$id/cmdline" | grep -q 'up\.sh'; then
        [ "$state" = runs ] || fail 69 "another scripts/up.sh (process $id) is building here; let it go on, or end it by Ctrl-C"
        fail 69 "Sluice runs already (process $id is its scripts/up.sh); Ctrl-C in its terminal ends it"
    fi
    printf '%s\n' "$$ $1" >"$claim"
}

require_free_ports() {
    require_free_port "${listen##*:}" "the Proxy" SLUICE_LISTEN "${listen%:*}"
    require_free_port "${admin##*:}" "the admin API" SLUICE_ADMIN "${admin%:*}"
    require_free_port "$blue_port" "the blue Predictor" BLUE_PORT
    require_free_port "$green_port" "the green Predictor" GREEN_PORT
    require_free_port "$blue_http_port" "the blue Predictor's HTTP" BLUE_HTTP_PORT
    require_free_port "$green_http_port" "the green Predictor's HTTP" GREEN_HTTP_PORT
}

# start_predictor COLOR VERSION PORT HTTP_PORT
start_predictor() {
    start_process "$1" "$run_folder/$1.log" env HOST=127.0.0.1 PORT="$3" HTTP_PORT="$4" MODEL_VERSION="$2" \
        MODEL_PATH="models/$2/model.pkl" "$binaries/Predictor"
}

# Whether the Predictor on a port has loaded its model.
predictor_serves() {
    "$binaries/HealthProbe" -addr "127.0.0.1:$1" >/dev/null 2>&1
}

proxy_is_ready() {
    curl --silent --fail --noproxy '*' --max-time 2 --output /dev/null "http://$admin/readyz"
}

# The active color, by the admin API.
active_color() {
    local token=""
    [ -z "${SLUICE_ADMIN_TOKEN_FILE:-}" ] || token=$(tr -d '\r\n' <"$SLUICE_ADMIN_TOKEN_FILE")
    # The token goes through a pipe, because everyone can see the arguments of a process.
    curl --silent --noproxy '*' --max-time 5 "http://$admin/status" \
        --config <([ -z "$token" ] || printf 'header = "Authorization: Bearer %s"\n' "$token") |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["active"])'
}

claim_run_folder builds
require_free_ports
trap 'fail 130 "stopped; run it again to go on"' INT
ensure_packages
ensure_swift
ensure_venv scripts/requirements.txt
build_release programs
binaries=$(swift_build --show-bin-path)
readonly binaries
require_free_ports

claim_run_folder runs
# Only this script receives Ctrl-C: the processes run in sessions of their own, so that they can be stopped in order.
trap 'exit 0' INT TERM HUP
trap stop_processes EXIT

say "Starting blue (v1.0.0, port $blue_port) and green (v1.1.0, port $green_port)"
start_predictor blue v1.0.0 "$blue_port" "$blue_http_port"
start_predictor green v1.1.0 "$green_port" "$green_http_port"
wait_until blue 60 predictor_serves "$blue_port"
wait_until green 60 predictor_serves "$green_port"

say "Starting the Proxy ($listen, admin $admin)"
start_process proxy "$run_folder/proxy.log" "$binaries/Proxy" --listen "$listen" --admin "$admin" \
    --blue "127.0.0.1:$blue_port" --green "127.0.0.1:$green_port" \
    --state-file "$run_folder/state.json" --audit-log "$run_folder/audit.jsonl" --access-log "$run_folder/access.jsonl"
wait_until proxy 60 proxy_is_ready

# With other ports than the usual ones, the commands that it suggests need them, too.
client_options="" script_settings=""
[ "$call_address" = 127.0.0.1:50050 ] || client_options+=" --address $call_address"
[ "$blue_port" = 50051 ] || client_options+=" --blue 127.0.0.1:$blue_port"
[ "$green_port" = 50052 ] || client_options+=" --green 127.0.0.1:$green_port"
[ "$admin" = 127.0.0.1:9901 ] || script_settings="SLUICE_ADMIN=$admin "

cat <<TEXT

Sluice is up, and $(active_color) is active.

  calls      $call_address (gRPC)
  admin API  http://$admin/status
  logs       $run_folder/proxy.log, blue.log, green.log

Let a client call again and again, in another terminal; it shows which color answers:

  .venv/bin/python scripts/predict.py$client_options

Meanwhile, in a third one:

  ${script_settings}scripts/switch.sh        the client's very next call is answered by the other color
  ${script_settings}scripts/rollback.sh      and back again

Ctrl-C stops everything.
TEXT

watch_processes proxy
