#!/usr/bin/env bash
# secrets.sh : makes secrets/admin-token, the bearer token of the Proxy's admin API, if it is not there yet.
#
# The Proxy's container reads it as a user of its own, so the file is readable to all and its folder to the owner alone.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
chmod 700 secrets
if [ -s secrets/admin-token ]; then
    echo "secrets/admin-token is there already"
    exit 0
fi
# A folder in the file's place is what Docker makes where a container was started before the secret.
[ ! -d secrets/admin-token ] || rmdir secrets/admin-token
head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >secrets/admin-token.new
chmod 444 secrets/admin-token.new
mv secrets/admin-token.new secrets/admin-token
echo "made secrets/admin-token"
