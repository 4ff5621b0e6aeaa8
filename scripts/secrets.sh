#!/usr/bin/env bash
# secrets.sh : makes secrets/admin-token, the bearer token of the Proxy's admin API, if it doesn't exist yet.
#
# The Proxy's container reads it as a user of its own, so the file is readable to all, but its folder only to the owner.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
chmod 700 secrets
if [ -s secrets/admin-token ]; then
    echo "secrets/admin-token exists already"
    exit 0
fi
# Docker makes a folder in the file's place when a container is started before the secret exists.
[ ! -d secrets/admin-token ] || rmdir secrets/admin-token
head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >secrets/admin-token.new
chmod 444 secrets/admin-token.new
mv secrets/admin-token.new secrets/admin-token
echo "made secrets/admin-token"
