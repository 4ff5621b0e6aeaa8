# shellcheck shell=bash
# The commands that speak with the Proxy's admin API: switch.sh, rollback.sh and health.sh. Needs log.sh.
#
# Settings, named like the Proxy's own:
#   SLUICE_ADMIN             the admin API: HOST:PORT or a URL (127.0.0.1:9901)
#   SLUICE_ADMIN_TOKEN_FILE  a file with the bearer token, where one is needed (secrets/admin-token, if it exists)
#   SLUICE_CHANGE_LOG        the file that gets a copy of every line (.run/changes.log)

readonly exit_usage=2 exit_unreachable=3 exit_refused=4 exit_denied=5 exit_failed=6 exit_not_drained=7 exit_not_ready=8

change_exit_codes() {
    cat <<'TEXT'
Exit codes:
  0  done, and the active color is ready; or the requested color was active already
  2  wrong arguments
  3  the admin API can't be reached
  4  refused: the requested color is not healthy, a release is under way, or there is nothing to roll back to
  5  refused: the token is missing or wrong
  6  the admin API gave another answer; the line says which
  7  changed, but calls were still in flight on the old color when --wait was over
  8  changed, but the newly active color is not ready
TEXT
    change_settings
}

change_settings() {
    cat <<'TEXT'
Settings (environment): SLUICE_ADMIN, the admin API as HOST:PORT or URL (127.0.0.1:9901); SLUICE_ADMIN_TOKEN_FILE, a file
with its bearer token; SLUICE_CHANGE_LOG, a file that gets a copy of the output (.run/changes.log).
TEXT
}

# Prints a line, and appends it to the log with its time.
note() {
    local log=${SLUICE_CHANGE_LOG:-.run/changes.log}
    printf '%s\n' "$*"
    mkdir -p "$(dirname "$log")"
    printf '%s %s: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(basename "$0")" "$*" >>"$log"
}

# give_up EXIT_CODE MESSAGE...
give_up() {
    local code=$1
    shift
    note "$*" >&2
    exit "$code"
}

# admin METHOD PATH [CURL OPTION...] : sends a request to the admin API; the body goes to $answer, the HTTP status to
# $http_status.
admin() {
    local method=$1 path=$2 url=${SLUICE_ADMIN:-127.0.0.1:9901} token="" body hint=""
    shift 2
    case $url in http://* | https://*) ;; *) url=http://$url ;; esac
    local token_file=${SLUICE_ADMIN_TOKEN_FILE:-}
    # The Compose stack's token. A Proxy without a token ignores it.
    if [ -z "$token_file" ] && [ -f secrets/admin-token ]; then token_file=secrets/admin-token; fi
    if [ -n "$token_file" ]; then
        token=$(tr -d '\r\n' <"$token_file") || give_up "$exit_denied" "the token file $token_file can't be read"
    fi
    # The token goes through a pipe, because everyone can see the arguments of a process.
    body=$(
        curl --silent --show-error --noproxy '*' --connect-timeout 5 --request "$method" \
            --config <([ -z "$token" ] || printf 'header = "Authorization: Bearer %s"\n' "$token") \
            --write-out '\n%{http_code}' "$@" "${url%/}$path" 2>&1
    ) || {
        # Connections are refused on this machine: nothing listens there.
        [[ $? -ne 7 || ! ${url#*://} =~ ^(127\.|localhost|\[::1\]) ]] ||
            hint="; scripts/up.sh (or docker compose up --detach --wait) starts it"
        give_up "$exit_unreachable" "the admin API at $url can't be reached: ${body%%$'\n'*}$hint"
    }
    http_status=${body##*$'\n'}
    answer=${body%$'\n'*}
}

# fields NAME[.NAME...]... : puts fields of the JSON in $answer into the array $found, empty for a missing one. A number
# is the place in a list; of a list, its length is put there.
fields() {
    mapfile -t found < <(python3 -c '
import json, sys
try:
    document = json.loads(sys.argv[1])
except ValueError:
    document = None
for path in sys.argv[2:]:
    value = document
    for name in path.split("."):
        if isinstance(value, list) and name.isdigit():
            value = dict(enumerate(value)).get(int(name))
        else:
            value = value.get(name) if isinstance(value, dict) else None
    value = len(value) if isinstance(value, list) else value
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    print(" ".join(text.split()))
' "$answer" "$@")
}

# The answer's error.
error_text() {
    fields error
    printf '%s' "${found[0]:-}"
}

# look_for_readiness : puts into $unready why the active color takes no calls; nothing if it takes them. GET /readyz alone says
# whether anybody is served, and so the other color in its place (--failover).
look_for_readiness() {
    admin GET /readyz --max-time 10
    fields active error failover
    if [ "$http_status" != 200 ]; then
        unready=${found[1]:-GET /readyz answered $http_status}
    else
        unready=${found[2]:+${found[0]} can\'t take calls; new ones go to ${found[2]} in its place}
    fi
}

# look_for_release : puts the number of the release under way into $release, and its share into $share; nothing if there is none.
# The rest of $found is phase, color, step, steps, paused, seconds left, next, and the number of the last release.
look_for_release() {
    release="" share=""
    admin GET /release --max-time 10
    [ "$http_status" = 200 ] || return 0
    fields phase to step plan.steps paused seconds_left next release share
    [ "${found[0]}" = ended ] || release=${found[7]} share=${found[8]}
}

# note_release : notes the release under way, if there is one, and why it is paused; puts it where look_for_release does.
note_release() {
    local state
    look_for_release
    [ -n "$release" ] || return 0
    case ${found[4]} in
        "") state="${found[5]%.*} s left, then ${found[6]}" ;;
        asked) state="paused, because somebody has asked for it" ;;
        no_data) state="paused, because the step had too few calls" ;;
        health) state="paused, because a color is not healthy" ;;
        breach) state="paused, because ${found[1]} was found to be worse" ;;
        failover) state="paused, because a color can't take calls and the other takes them in its place" ;;
        away) state="paused, because the Proxy was away for longer than the step takes" ;;
        *) state="paused (${found[4]})" ;;
    esac
    note "release $release is under way: $share of the calls go to ${found[1]}; step ${found[2]} of ${found[3]}, $state"
    [ -z "${found[4]}" ] || note "POST /release/resume lets it go on; scripts/rollback.sh takes it back"
}

# note_status before|after : notes which color is active, and the health of both; puts the other color and its state into $other
# and $other_state. Then it notes the release under way, as note_release does.
note_status() {
    admin GET /status --max-time 10
    case $http_status in
        200) ;;
        401 | 403) give_up "$exit_denied" "refused ($http_status): $(error_text)" ;;
        *) give_up "$exit_failed" "GET /status answered $http_status: $(error_text)" ;;
    esac
    fields active epoch colors.blue.state colors.green.state
    note "$1: ${found[0]} is active (epoch ${found[1]}); blue is ${found[2]}, green is ${found[3]}"
    other=blue other_state=${found[2]}
    [ "${found[0]}" = green ] || other=green other_state=${found[3]}
    note_release
}

# Ends the script with the reason in $unready, and with what helps.
give_up_unready() {
    local hint=""
    [ "$other_state" != healthy ] || hint="; $other is healthy: scripts/switch.sh $other makes it the active one"
    give_up "$exit_not_ready" "not ready: $unready$hint"
}

# note_if_forward EPOCH : says so if this rollback, which was the change EPOCH, took back another rollback.
note_if_forward() {
    admin GET /history --max-time 10 --get --data-urlencode limit=2
    fields changes.0.epoch changes.0.to changes.1.action
    [ "$http_status" != 200 ] || [ "${found[0]}" != "$1" ] || [ "${found[2]}" != rollback ] ||
        note "the change before was itself a rollback: this one goes forward again to ${found[1]}, which that one left"
}

# is_taken_back RELEASE : whether it was under way, if there was one, and is taken back: a rollback that came after its end goes
# back from the color that it has made active.
is_taken_back() {
    [ -n "$1" ] || return 1
    admin GET /release --max-time 10
    fields release outcome
    [ "${found[0]}" = "$1" ] && [ "${found[1]}" = aborted ]
}

# change_command PATH [ARGUMENT...] : reads a script's arguments, makes the change, and shows health before and after.
#
# Only /switch takes a color as an argument. The script defines `usage`.
change_command() {
    local path=$1 color="" wait="" made seconds unready other other_state release share begun left allowed="" hint=""
    local -a query=() receipt
    shift
    while [ $# -gt 0 ]; do
        case $1 in
            blue | green)
                if [ "$path" != /switch ] || [ -n "$color" ]; then usage_error "$1 is one argument too many"; fi
                color=$1
                query+=(--data-urlencode "to=$color")
                ;;
            --wait)
                wait=${2:-}
                [ -n "$wait" ] || usage_error "--wait needs a duration, such as 30s"
                query+=(--data-urlencode wait=drained --data-urlencode "timeout=$wait")
                shift
                ;;
            --drain)
                [ -n "${2:-}" ] || usage_error "--drain needs a duration, such as 60s, or off"
                query+=(--data-urlencode "drain=$2")
                shift
                ;;
            --force)
                [ -n "${2:-}" ] || usage_error "--force needs a reason"
                query+=(--data-urlencode force=true --data-urlencode "reason=$2")
                shift
                ;;
            -h | --help)
                usage
                change_exit_codes
                return 0
                ;;
            *)
                [ "$path" != /switch ] || [[ $1 == -* ]] || allowed="; allowed colors: blue, green"
                usage_error "unknown argument: $1$allowed"
                ;;
        esac
        shift
    done

    note_status before
    begun=$release
    # --get puts the parameters into the query, even though this is a POST.
    admin POST "$path" --get "${query[@]}"
    made=$http_status
    case $made in
        200 | 202) ;;
        400) give_up "$exit_usage" "refused (400): $(error_text)" ;;
        401 | 403) give_up "$exit_denied" "refused ($made): $(error_text)" ;;
        409)
            fields error health
            # Without it there is nothing to roll back to, which no force helps.
            [ -z "${found[1]}" ] || hint="; --force REASON makes the change all the same"
            [[ ${found[0]} != release\ *\ is\ under\ way* ]] || hint="; scripts/rollback.sh takes it back"
            give_up "$exit_refused" "refused (409): ${found[0]}$hint"
            ;;
        *) give_up "$exit_failed" "POST $path answered $made: $(error_text)" ;;
    esac
    fields changed from to epoch in_flight drain.timeout
    receipt=("${found[@]}")
    if [ "${receipt[0]}" = true ]; then
        left="calls in flight on ${receipt[1]}: ${receipt[4]}"
        if [ "$path" = /rollback ] && is_taken_back "$begun"; then
            note "release $begun is taken back: all new calls go to ${receipt[2]} again (epoch ${receipt[3]}); $left"
        else
            note "changed from ${receipt[1]} to ${receipt[2]} (epoch ${receipt[3]}); $left"
        fi
        [ -z "${receipt[5]}" ] || note "calls that are left on ${receipt[1]} will be ended after ${receipt[5]}"
        [ "$path" != /rollback ] || note_if_forward "${receipt[3]}"
    else
        note "nothing to do: ${receipt[2]} is active already (epoch ${receipt[3]})"
    fi

    for seconds in 0 1 1 1 1 1; do
        sleep "$seconds"
        look_for_readiness
        [ -n "$unready" ] || break
    done
    note_status after
    [ -z "$unready" ] || give_up_unready
    [ "$made" = 200 ] || give_up "$exit_not_drained" "calls are still in flight on the old color after $wait"
}

usage_error() {
    fail "$exit_usage" "$* (see --help)"
}
