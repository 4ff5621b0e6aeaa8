# shellcheck shell=bash
# Functions that fetch what scripts/bench.sh, scripts/profile.sh and scripts/compare.sh need. To be sourced. Callers set ROOT, the
# top of the repository; this file sets BENCH, the folder that everything is put into.
BENCH="${SLUICE_BENCH_FOLDER:-$ROOT/.build/bench}"
mkdir -p "$BENCH"
export PYTHONPATH="$ROOT/bench:$ROOT/scripts/lib" PYTHONDONTWRITEBYTECODE=1

bench_note() { printf 'bench: %s\n' "$*" >&2; }

# Runs a command quietly; on failure shows the end of its output.
bench_quietly() {
    local log="$BENCH/setup.log"
    "$@" >"$log" 2>&1 || { tail -n 5 "$log" >&2; return 1; }
}

# bench_packages PACKAGE...: installs Debian packages that are missing.
bench_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    bench_note "installing ${missing[*]}"
    [ "$(id -u)" = 0 ] || { bench_note "not root: install ${missing[*]} first"; return 1; }
    bench_quietly apt-get update -qq || true
    DEBIAN_FRONTEND=noninteractive bench_quietly apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# Builds the driver, the echo server and the relay.
bench_tools() {
    bench_packages gcc make libc6-dev libnghttp2-dev libssl-dev liburing-dev || return 1
    make --no-print-directory -s -C "$ROOT/bench" BUILD="$BENCH/bin"
}

# Prints the address of the Debian archive that apt is configured to install from.
bench_archive() {
    # shellcheck disable=SC2016  # apt-get expands it
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        grep -E '/debian/?$' | head -n 1
}

# bench_unpack FOLDER SUITE: nginx, HAProxy and nghttpx of that suite with all their libraries, unpacked into a folder
# where they run by their own dynamic loader. Nothing is installed. SUITE "" is the suite that apt is configured with.
bench_unpack() {
    local folder="$1" suite="$2" state="$1.apt" archive package
    [ -x "$folder/usr/sbin/nginx" ] && [ -x "$folder/usr/sbin/haproxy" ] && [ -x "$folder/usr/sbin/nghttpx" ] && return
    bench_note "unpacking nginx, haproxy and nghttpx of ${suite:-this system} into $folder"
    rm -rf "$folder" "$state"
    mkdir -p "$folder" "$state/lists/partial" "$state/cache/archives/partial"
    # With an empty list of installed packages apt fetches every dependency too.
    : >"$state/status"
    local options=(-o "Dir::State::status=$state/status" -o "Dir::Cache=$state/cache" -o APT::Sandbox::User=root)
    if [ -n "$suite" ]; then
        archive="$(bench_archive)"
        [ -n "$archive" ] || { bench_note "apt names no Debian archive"; return 1; }
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $suite main" >"$state/sources.list"
        options+=(-o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null
            -o "Dir::State::lists=$state/lists")
    fi
    bench_quietly apt-get "${options[@]}" update -qq || true
    if ! bench_quietly apt-get "${options[@]}" install -y -qq --no-install-recommends --download-only \
        nginx haproxy nghttp2-proxy; then
        rm -rf "$folder" "$state"
        return 1
    fi
    for package in "$state"/cache/archives/*.deb; do
        dpkg-deb --extract "$package" "$folder"
    done
    rm -rf "$state"
}

# bench_environment NAME FOLDER : makes the environment of Python $BENCH/NAME, of the packages of FOLDER/requirements.txt.
bench_environment() {
    local name="$1" list="$ROOT/$2/requirements.txt"
    cmp -s "$list" "$BENCH/$name/requirements.txt" && return
    bench_packages python3 python3-venv || return 1
    bench_note "installing the packages of $2/requirements.txt into $BENCH/$name"
    bench_quietly python3 -m venv --clear "$BENCH/$name" &&
        bench_quietly "$BENCH/$name/bin/pip" install --quiet --require-hashes --requirement "$list" &&
        cp "$list" "$BENCH/$name/requirements.txt"
}

# Trains the models that are evaluated without a server, anew whenever what trains them has changed; and builds what evaluates
# them as the Predictor does, from the modules that need no other package.
bench_models() (
    cd "$ROOT" || return 1
    local trainer=bench/peers/python/train.py folder="$BENCH/models"
    if ! cat "$trainer" bench/peers/python/requirements.txt | cmp -s - "$folder/trained-by"; then
        bench_note "training models into $folder"
        mkdir -p "$folder"
        bench_quietly "$BENCH/python/bin/python" "$trainer" "$folder" || return 1
        cat "$trainer" bench/peers/python/requirements.txt >"$folder/trained-by"
    fi
    # shellcheck source=scripts/lib/log.sh
    source scripts/lib/log.sh
    # shellcheck source=scripts/lib/toolchain.sh
    source scripts/lib/toolchain.sh
    # shellcheck source=scripts/lib/alone.sh
    source scripts/lib/alone.sh
    ensure_swift
    make_package_alone "$BENCH/package"
    cd "$BENCH/package" || return 1
    bench_note "building ModelBench in $BENCH/package"
    SLUICE_BENCH=1 bench_quietly swift_build --product ModelBench
)

# Creates a self-signed ECDSA P-256 certificate for localhost, which all proxies share.
bench_certificate() {
    [ -s "$BENCH/tls/cert.pem" ] && return
    mkdir -p "$BENCH/tls"
    bench_quietly openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout "$BENCH/tls/key.pem" -out "$BENCH/tls/cert.pem" &&
        cat "$BENCH/tls/cert.pem" "$BENCH/tls/key.pem" >"$BENCH/tls/both.pem"
}

# Enters a network namespace of its own, where no packet filter tracks connections and no other settings apply, then runs
# the command there, with as many descriptors as it may have. Falls back to the machine's own network where that isn't
# allowed.
bench_isolated() {
    ulimit -n "$(ulimit -Hn)"
    if ! unshare --net true 2>/dev/null; then
        bench_note "no right to make a network namespace: measuring in the machine's own"
        SLUICE_BENCH_NETWORK=shared exec "$@"
    fi
    SLUICE_BENCH_NETWORK=isolated exec unshare --net bash -c '
        ip link set lo up
        # Outside the initial namespace not every algorithm is allowed; reno is.
        sysctl -q -w net.ipv4.tcp_congestion_control=cubic 2>/dev/null ||
            sysctl -q -w net.ipv4.tcp_congestion_control=reno || true
        # Connections must not use a port that a proxy listens on.
        sysctl -q -w net.ipv4.ip_local_port_range="10000 65535" net.ipv4.ip_local_reserved_ports=50050-50069 \
            net.ipv4.tcp_tw_reuse=1 net.core.somaxconn=65535 net.ipv4.tcp_max_syn_backlog=65535 2>/dev/null || true
        exec "$@"' bash "$@"
}
