#!/bin/sh
# placeholders.sh make|remove : gives every target of Package.swift that has no sources a placeholder, or takes them away.
#
# With placeholders the package builds, and so do its dependencies, before our own sources are there: a layer of the
# container image that a change of our sources leaves valid. Test targets keep theirs, as images have no tests.
set -eu
cd "$(dirname "$0")/.."

# Perl is part of every Debian base; a manifest is read here without running it.
targets() {
    perl -0777 -ne '
        while (/\.(target|executableTarget|testTarget)\(\s*name:\s*"(\w+)"(?:,\s*path:\s*"([\w\/]+)")?/g) {
            print $3 // (($1 eq "testTarget" ? "Tests" : "Sources") . "/$2"), " $1\n";
        }' Package.swift
}

case "${1:-}" in
make)
    targets | while read -r folder kind; do
        [ -z "$(ls -A "$folder" 2>/dev/null)" ] || continue
        mkdir -p "$folder"
        file=placeholder.swift
        [ "$kind" != executableTarget ] || file=main.swift
        echo '// A placeholder.' >"$folder/$file"
        echo "$folder/$file" >>.placeholders
    done
    ;;
remove)
    while read -r file; do
        rm -f "$file"
        rmdir "$(dirname "$file")" 2>/dev/null || :
    done <.placeholders
    rm -f .placeholders
    ;;
*)
    echo "usage: placeholders.sh make|remove" >&2
    exit 64
    ;;
esac
