#!/bin/sh
# bill-of-materials.sh PACKAGE.RESOLVED : writes, as CycloneDX, the Swift packages that a build resolved and the Swift that compiled
# them. They are linked into the programs, where no scanner of images finds them.
set -eu
swift=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -n 1)

# Perl is part of every Debian base. SwiftPM writes one key a line, a package's identity first.
SWIFT=${swift:?"swift --version tells no version"} perl -ne '
    if (/"identity" : "([^"]+)"/) { $name = $1 }
    if (m{"location" : "https://([^"]+?)(?:\.git)?"}) { $location = $1 }
    if (/"version" : "([^"]+)"/) { push @components, [$name, $location, $1] }
    END {
        die "no package in Package.resolved\n" unless @components;
        my @lines = map {
            my ($name, $location, $version) = @$_;
            my $purl = "pkg:swift/$location\@$version";
            qq(    {"type": "library", "bom-ref": "$purl", "name": "$name", "version": "$version", "purl": "$purl"});
        } sort { $a->[0] cmp $b->[0] } @components;
        my $swift = $ENV{SWIFT};
        push @lines, qq(    {"type": "framework", "bom-ref": "swift\@$swift", "name": "swift", "version": "$swift", )
            . qq("cpe": "cpe:2.3:a:apple:swift:$swift:*:*:*:*:*:*:*"});
        print qq({\n  "bomFormat": "CycloneDX",\n  "specVersion": "1.5",\n  "version": 1,\n)
            . qq(  "metadata": {"component": {"type": "application", "bom-ref": "sluice", "name": "sluice"}},\n)
            . qq(  "components": [\n) . join(",\n", @lines) . qq(\n  ]\n}\n);
    }' "$1"
