# shellcheck shell=bash
# Debian packages, installed only if something is missing. Needs log.sh.

# How long another apt or dpkg may hold its lock, in seconds.
readonly apt_patience=900

# Lists the packages that contain the missing commands and libraries.
missing_packages() {
    command -v git >/dev/null || echo git
    command -v curl >/dev/null || echo curl ca-certificates
    if command -v pkg-config >/dev/null; then
        pkg-config --exists libnghttp2 || echo libnghttp2-dev
        pkg-config --exists openssl || echo libssl-dev
        pkg-config --exists zlib || echo zlib1g-dev
        pkg-config --exists bzip2 || [ -e /usr/include/bzlib.h ] || echo libbz2-dev
        pkg-config --exists liblzma || echo liblzma-dev
    else
        echo pkg-config libnghttp2-dev libssl-dev zlib1g-dev libbz2-dev liblzma-dev
    fi
    python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3 python3-venv
}

# Lists the packages that the end-to-end tests miss here: strict peers by other authors.
missing_test_packages() {
    local sources=/usr/share/gocode/src jars=/usr/share/java
    command -v nghttpd >/dev/null || echo nghttp2-server
    command -v go >/dev/null || echo golang-go
    [ -d "$sources/golang.org/x/net/http2" ] || echo golang-golang-x-net-dev
    [ -d "$sources/google.golang.org/grpc" ] || echo golang-google-grpc-dev
    command -v javac >/dev/null || echo default-jdk-headless
    [ -e "$jars/netty-codec-http2.jar" ] || echo libnetty-java
}

# Installs missing packages, as root or through sudo, and waits while another apt runs. With `tests`, those of the tests, too.
ensure_packages() {
    local -a missing as_root=()
    mapfile -t missing < <({
        missing_packages
        [ "${1:-}" != tests ] || missing_test_packages
    } | tr ' ' '\n')
    [ "${#missing[@]}" -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        fail 69 "missing here: ${missing[*]} (Debian's names). There is no apt-get; install them, then try again"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            fail 77 "missing here: ${missing[*]}. Run this as root once, or: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    say "Installing ${missing[*]} (apt)"
    apt_patiently "${as_root[@]}" apt-get update -q
    apt_patiently "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
        -o "DPkg::Lock::Timeout=$apt_patience" "${missing[@]}"
    hash -r
}

# Runs apt again as long as another process holds one of its locks, because not every lock has a timeout of its own.
apt_patiently() {
    local output deadline=$((SECONDS + apt_patience))
    while true; do
        if output=$("$@" -o Acquire::Retries=3 2>&1 </dev/null); then return 0; fi
        case $output in
            *"Could not get lock"* | *"Unable to lock"* | *"Unable to acquire"*)
                [ "$SECONDS" -lt "$deadline" ] || break
                say "Waiting for another apt to finish"
                sleep 5
                ;;
            *) break ;;
        esac
    done
    printf '%s\n' "$output" >&2
    fail 69 "apt failed: $*"
}
