#!/usr/bin/env bash
# secrets.sh : creates secrets/admin-token, the bearer token of the Proxy's admin API, if it does not exist.
#
# The Proxy's container reads it as a user of its own, so everyone may read the file, but only the owner may enter its
# folder.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
chmod 700 secrets
if [ -s secrets/admin-token ]; then
    echo "secrets/admin-token is there already"
    exit 0
fi
# Docker creates a folder in place of the file if a container was started before the secret existed.
[ ! -d secrets/admin-token ] || rmdir secrets/admin-token
head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >secrets/admin-token.new
chmod 444 secrets/admin-token.new
mv secrets/admin-token.new secrets/admin-token
echo "made secrets/admin-token"
