#!/usr/bin/env bash
# secrets.sh : makes secrets/admin-token, the bearer token of the Proxy's admin API, if it doesn't exist yet.
#
# The Proxy's container reads it as a user of its own, so the file is readable to all, but its folder only to the owner.
# While a Proxy runs that has a token, it makes none: a new one would lock everybody out of that Proxy.
set -euo pipefail
cd "$(dirname "$0")/.."

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

umask 077
mkdir -p secrets
chmod 700 secrets
if [ -s secrets/admin-token ]; then
    echo "secrets/admin-token exists already"
    exit 0
fi
running=$(running_proxy)
if [ -n "$running" ]; then
    echo "secrets.sh: secrets/admin-token is missing, but $running runs and takes that token only: put it back;" \
        "without a copy, stop the Proxy first" >&2
    exit 1
fi
# Docker makes a folder in the file's place when a container is started before the secret exists.
[ ! -d secrets/admin-token ] || rmdir secrets/admin-token
head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >secrets/admin-token.new
chmod 444 secrets/admin-token.new
mv secrets/admin-token.new secrets/admin-token
echo "made secrets/admin-token"
