#!/bin/sh
# root-files.sh PROGRAMS FOLDER : collects the files of an image.
#
#   FOLDER/base      the shared libraries of PROGRAMS, certificates of authorities, users, the settings of name resolution,
#                    and the packages that these files are from
#   FOLDER/programs  PROGRAMS without symbols
#   FOLDER/state     an empty folder
set -eu
programs=$1 folder=$2
mkdir -p "$folder/base/etc/ssl/certs" "$folder/base/tmp" "$folder/base/var/lib/dpkg/status.d" "$folder/programs" "$folder/state"
chmod 1777 "$folder/base/tmp"
chmod 0750 "$folder/state"
cd "$folder/base"

# owner FILE : the package that FILE is from. A package may list under /usr/lib what the loader finds under /lib.
owner() {
    for path in "$1" "/usr$1"; do
        if dpkg-query --search "$path" 2>/dev/null | sed -n 's/: .*//p' | head -n 1 | grep .; then return 0; fi
    done
    echo "$1 is from no package" >&2
    return 1
}

# record FILE PACKAGE : enters a copied file under its package, where scanners look: one file a package in status.d, as there is
# no package manager with a database of its own.
record() {
    name=${2%%:*}
    if [ ! -e "var/lib/dpkg/status.d/$name" ]; then
        dpkg-query --status "$2" >"var/lib/dpkg/status.d/$name"
        if [ -f "/usr/share/doc/$name/copyright" ]; then
            cp --dereference --parents --preserve=timestamps "/usr/share/doc/$name/copyright" .
        fi
    fi
    printf '%s  %s\n' "$(md5sum <".$1" | cut -d ' ' -f 1)" "${1#/}" >>"var/lib/dpkg/status.d/$name.md5sums"
}

# copy FILE : copies a file that is in a package, as it is there, and records it.
copy() {
    package=$(owner "$1")
    cp --dereference --parents --preserve=timestamps "$1" .
    sum=$(md5sum <".$1" | cut -d ' ' -f 1)
    if ! { dpkg-query --control-show "$package" md5sums && dpkg-query --show --showformat '${Conffiles}\n' "$package"; } |
        grep -qF "$sum"; then
        echo "$1 is not as $package has it" >&2
        return 1
    fi
    record "$1" "$package"
}

ldd "$programs"/* >/tmp/libraries
if grep -F 'not found' /tmp/libraries; then
    exit 1
fi
grep -oE '/[^ ]+\.so[^ ]*' /tmp/libraries | sort -u >/tmp/files
# By these, scanners know which Debian's advisories to apply.
printf '%s\n' /usr/lib/os-release /etc/debian_version >>/tmp/files
while read -r file; do copy "$file"; done </tmp/files
ln -s ../usr/lib/os-release etc/os-release

# The package's installation makes this file of the certificates.
cp --preserve=timestamps /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/
record /etc/ssl/certs/ca-certificates.crt ca-certificates
cp --preserve=timestamps /etc/nsswitch.conf etc/
printf 'root:x:0:0:root:/:/sbin/nologin\nsluice:x:10001:10001:sluice:/:/sbin/nologin\n' >etc/passwd
printf 'root:x:0:\nsluice:x:10001:\n' >etc/group

for program in "$programs"/*; do
    strip --strip-all -o "$folder/programs/$(basename "$program")" "$program"
done
