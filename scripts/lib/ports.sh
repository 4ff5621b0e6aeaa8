# shellcheck shell=bash
# Ports of this machine. Needs log.sh.

# Whether something listens on a loopback port.
port_is_taken() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# require_free_port PORT WHO VARIABLE : ends the script if the port is taken.
require_free_port() {
    local holder=""
    port_is_taken "$1" || return 0
    if command -v ss >/dev/null; then
        holder=$(ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:((\("[^"]*",pid=[0-9]*\).*/\1/p' | head -n 1)
    fi
    fail 69 "port $1 (for $2) is taken${holder:+ by $holder}; stop what listens there, or set $3 to another one"
}
