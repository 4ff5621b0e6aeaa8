# shellcheck shell=bash
# Ports of this machine, and settings that name them. Needs log.sh.

# require_port NAME VALUE : ends the script if a setting is not a port.
require_port() {
    [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] && [ "$2" -le 65535 ] || fail 64 "$1=$2 is not a port (1 to 65535)"
}

# require_address NAME VALUE HOST : ends the script if a setting is not HOST:PORT. HOST is for the example.
require_address() {
    local port=${2##*:} example=50060 form='^(\[[0-9A-Fa-f:.]+]|[^]/:[[:space:]]+):[0-9]+$'
    if [[ ! $2 =~ $form ]]; then
        # Most likely the port alone.
        [[ ! $port =~ ^[1-9][0-9]{0,4}$ ]] || example=$port
        fail 64 "$1=$2 is not HOST:PORT, such as $1=$3:$example"
    fi
    [[ $port =~ ^[1-9][0-9]{0,4}$ ]] && [ "$port" -le 65535 ] || fail 64 "$1=$2: $port is not a port (1 to 65535)"
}

# require_distinct_ports NAME PORT... : ends the script if two settings name the same port.
require_distinct_ports() {
    local -A names=()
    while [ $# -gt 0 ]; do
        [ -z "${names[$2]:-}" ] || fail 64 "${names[$2]} and $1 both name port $2; each needs one of its own"
        names[$2]=$1
        shift 2
    done
}

# Whether something listens on a loopback port.
port_is_taken() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# require_free_port PORT WHO NAME [HOST] : ends the script if the port is taken. NAME is the setting that names another one,
# as HOST:PORT where a HOST is given.
require_free_port() {
    local holder="" other=$1
    port_is_taken "$1" || return 0
    if command -v ss >/dev/null; then
        holder=$(ss -Hltnp "sport = :$1" 2>/dev/null |
            sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (process \2)/p' | head -n 1)
    fi
    while other=$(((other + 10) % 65536)) && { [ "$other" -lt 1024 ] || port_is_taken "$other"; }; do :; done
    fail 69 "port $1 (for $2) is taken${holder:+ by $holder}; stop what listens there, or take another one:" \
        "$3=${4:+$4:}$other $0"
}
