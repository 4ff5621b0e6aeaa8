#!/usr/bin/env bash
# secrets.sh : makes secrets/admin-token, the bearer token of the Proxy's admin API, if it doesn't exist yet. See --help.
#
# The Proxy's container reads it as a user of its own, so the file is readable to all, but its folder only to the owner.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TEXT'
usage: scripts/secrets.sh

Makes secrets/admin-token, the bearer token of the Proxy's admin API; one that exists stays as it is. While a Proxy runs
that has a token, it makes none: a new one would lock everybody out of that Proxy.

Exit codes:
  0   the token is there
  1   it is not, and can't be made; the line says why
  64  wrong arguments
Settings (environment): SLUICE_ADMIN, where a Proxy's admin API is looked for (127.0.0.1:9901).
TEXT
}

give_up() {
    echo "secrets.sh: $*" >&2
    exit 1
}

# Says what runs with a token; nothing if nothing does.
running_proxy() {
    local address=${SLUICE_ADMIN:-127.0.0.1:9901} label=com.docker.compose
    if [ -n "$(docker ps --quiet --filter "label=$label.service=proxy" \
        --filter "label=$label.project.working_dir=$(pwd -P)" 2>/dev/null)" ]; then
        echo "the Proxy of this folder's stack"
    elif [ "$(curl --silent --noproxy '*' --max-time 5 --output /dev/null --write-out '%{http_code}' \
        "http://$address/status" 2>/dev/null)" = 401 ]; then
        echo "a Proxy at $address"
    fi
}

if [ $# -eq 1 ] && { [ "$1" = --help ] || [ "$1" = -h ]; }; then
    usage
    exit 0
elif [ $# -gt 0 ]; then
    usage >&2
    exit 64
fi

readonly token=secrets/admin-token
umask 077
mkdir -p secrets
chmod 700 secrets 2>/dev/null || give_up "the folder secrets belongs to another user, as one that Docker has made does:" \
    "give it to yourself (sudo chown \"\$USER\" secrets), and run scripts/secrets.sh again"
# -s alone is true for a folder, too.
if [ -f "$token" ] && [ -s "$token" ]; then
    echo "$token exists already"
    exit 0
fi
what="is missing"
[ ! -d "$token" ] || what="is a folder"
running=$(running_proxy)
[ -z "$running" ] || give_up "$token $what, but $running runs and takes the token that it was started with: put the file" \
    "back; without a copy, stop the Proxy first"
if [ -L "$token" ] && [ ! -e "$token" ]; then
    give_up "$token is a link to nothing: remove it, and run scripts/secrets.sh again"
elif [ -d "$token" ]; then
    # Docker makes an empty folder where the file that a container is to mount does not exist.
    rmdir "$token" 2>/dev/null || give_up "$token is a folder that is not empty, or can't be removed: move it away, and" \
        "run scripts/secrets.sh again"
elif [ -e "$token" ] && [ ! -f "$token" ]; then
    give_up "$token is not a regular file: move it away, and run scripts/secrets.sh again"
fi
head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$token.new"
chmod 444 "$token.new"
mv "$token.new" "$token"
echo "made $token"
