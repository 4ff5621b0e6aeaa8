# shellcheck shell=bash
# Processes that a script runs in the background, by name. Needs log.sh.

# By name: the process id, the file that receives the output, and how many bytes it had before.
declare -A process_ids=() process_logs=() process_logged=()
# In the order in which they were started.
process_names=()

# start_process NAME LOG COMMAND... : runs a command in a session of its own, which the terminal's Ctrl-C doesn't reach.
start_process() {
    local name=$1 log=$2
    shift 2
    process_logged[$name]=$(stat --format %s "$log" 2>/dev/null || echo 0)
    setsid "$@" >>"$log" 2>&1 </dev/null &
    process_ids[$name]=$!
    process_logs[$name]=$log
    process_names+=("$name")
}

process_runs() {
    [ -n "${process_ids[$1]:-}" ] && kill -0 "${process_ids[$1]}" 2>/dev/null
}

# wait_until NAME SECONDS COMMAND... : waits until the command succeeds; ends the script if the process ends first.
wait_until() {
    local name=$1 deadline=$((SECONDS + $2))
    shift 2
    until "$@"; do
        process_runs "$name" || fail_with_log "$name" "$name ended before it was ready"
        [ "$SECONDS" -lt "$deadline" ] || fail_with_log "$name" "$name was not ready in time"
        sleep 0.1
    done
}

fail_with_log() {
    warn "$2; the end of ${process_logs[$1]}:"
    # Not the lines of an earlier run.
    tail -c "+$((process_logged[$1] + 1))" "${process_logs[$1]}" | tail -n 10 >&2 || true
    exit 70
}

# watch_processes NAME : waits until the process NAME ends, which ends the script; the end of another one is only reported.
watch_processes() {
    local main=$1 name ended code
    while true; do
        code=0
        # Bash's own message about a killed job says less than ours.
        wait -n -p ended "${process_ids[@]}" 2>/dev/null || code=$?
        for name in "${process_names[@]}"; do
            [ "${process_ids[$name]:-}" = "${ended:-}" ] || continue
            unset "process_ids[$name]"
            [ "$name" != "$main" ] || fail_with_log "$name" "$name ended by itself (exit code $code)"
            warn "$name ended by itself (exit code $code), see ${process_logs[$name]}; the rest goes on." \
                "To bring it back, press Ctrl-C here and run $0 again"
        done
    done
}

# Ends all of them in reverse order of their start, so that a proxy lets its calls finish while its upstreams still run.
stop_processes() {
    local index name id deadline
    trap '' INT TERM HUP
    [ "${#process_ids[@]}" -gt 0 ] || return 0
    say "Stopping"
    for ((index = ${#process_names[@]} - 1; index >= 0; index--)); do
        name=${process_names[index]}
        id=${process_ids[$name]:-}
        [ -n "$id" ] || continue
        kill -TERM "$id" 2>/dev/null || continue
        # Longer than the graces of the Proxy and the Predictor, after which they end by themselves.
        deadline=$((SECONDS + 45))
        while kill -0 "$id" 2>/dev/null; do
            if [ "$SECONDS" -ge "$deadline" ]; then
                warn "$name did not end in time and is killed"
                kill -KILL "$id" 2>/dev/null || true
                break
            fi
            sleep 0.05
        done
        wait "$id" 2>/dev/null || true
    done
    process_ids=()
}
