# shellcheck shell=bash
# Messages of the scripts: progress goes to standard output, failures to standard error.

say() {
    printf '%s\n' "==> $*"
}

warn() {
    printf '%s\n' "$(basename "$0"): $*" >&2
}

# fail EXIT_CODE MESSAGE...
fail() {
    local code=$1
    shift
    warn "$@"
    exit "$code"
}
