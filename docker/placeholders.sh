#!/bin/sh
# placeholders.sh make|remove : gives every target of Package.swift without sources a placeholder, or removes the placeholders.
#
# With placeholders the package and its dependencies can be built before our own sources are copied in, so a change of our
# sources leaves that layer of the image valid. Test targets keep their placeholders, as images have no tests.
set -eu
cd "$(dirname "$0")/.."

# Perl is part of every Debian base. The manifest is read without running it.
targets() {
    perl -0777 -ne '
        my $start = qr/\.(?:target|executableTarget|testTarget|systemLibrary)\(/;
        while (/\.(target|executableTarget|testTarget)\(\s*name:\s*"(\w+)"((?:(?!$start).)*)/gs) {
            my ($kind, $name, $rest) = ($1, $2, $3);
            my ($path) = $rest =~ /\bpath:\s*"([\w\/]+)"/;
            print $path // (($kind eq "testTarget" ? "Tests" : "Sources") . "/$name"), " $kind\n";
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
