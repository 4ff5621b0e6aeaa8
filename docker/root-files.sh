#!/bin/sh
# root-files.sh PROGRAMS FOLDER : collects the files of an image.
#
#   FOLDER/base      the shared libraries of PROGRAMS, certificates of authorities, users, the settings of name resolution
#   FOLDER/programs  PROGRAMS without symbols
#   FOLDER/state     an empty folder
set -eu
programs=$1 folder=$2
mkdir -p "$folder/base/etc/ssl/certs" "$folder/base/tmp" "$folder/programs" "$folder/state"
chmod 1777 "$folder/base/tmp"
chmod 0750 "$folder/state"
cd "$folder/base"

ldd "$programs"/* >/tmp/libraries
if grep -F 'not found' /tmp/libraries; then
    exit 1
fi
grep -oE '/[^ ]+\.so[^ ]*' /tmp/libraries | sort -u | while read -r library; do
    cp --dereference --parents --preserve=timestamps "$library" .
done
cp --preserve=timestamps /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/
cp --preserve=timestamps /etc/nsswitch.conf etc/
printf 'root:x:0:0:root:/:/sbin/nologin\nsluice:x:10001:10001:sluice:/:/sbin/nologin\n' >etc/passwd
printf 'root:x:0:\nsluice:x:10001:\n' >etc/group

for program in "$programs"/*; do
    strip --strip-all -o "$folder/programs/$(basename "$program")" "$program"
done
