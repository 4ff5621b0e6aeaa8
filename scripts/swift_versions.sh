#!/bin/sh
# swift_versions.sh check|write : compares the Swift packages that were resolved (Package.resolved) with the list that is
# committed (Package.versions), or writes that list.
#
# Package.swift names the exact versions of direct dependencies; what these need themselves is resolved anew on every machine.
# The list tells when that comes out differently. Package.resolved is not committed, as its commit ids are those of one mirror.
set -eu
cd "$(dirname "$0")/.."

# Perl is part of every Debian base. SwiftPM writes one key a line, a package's identity first.
resolved() {
    perl -ne '
        if (/"identity" : "([^"]+)"/) { $name = $1 }
        if (/"(?:version|branch)" : "([^"]+)"/) { print "$name $1\n" }' Package.resolved | LC_ALL=C sort
}

case "${1:-}" in
check)
    if [ ! -f Package.resolved ]; then
        echo "there is no Package.resolved: run swift package resolve" >&2
        exit 1
    fi
    if ! resolved | diff --label Package.versions --label Package.resolved -u Package.versions - >&2; then
        echo "other Swift packages were resolved than Package.versions lists; if they are wanted, run $0 write" >&2
        exit 1
    fi
    ;;
write)
    resolved >Package.versions
    ;;
*)
    echo "usage: swift_versions.sh check|write" >&2
    exit 64
    ;;
esac
