#!/usr/bin/env bash
# Writes the digests of base images. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh

usage() {
    cat <<'TEXT'
usage: scripts/pin_images.sh [--check] [FILE...]

Asks the registry for the digest behind each tag, as in debian:bookworm-slim, and writes it into the FROM lines of Dockerfiles
and the `image:` lines of workflows. Without FILEs: every Dockerfile and workflow of the checkout but those of the examples that
readers make their own. With --check nothing is written. Needs Docker with buildx, and a network.

Exit codes: 0 all digests are the registry's; 1 with --check, some are older; 64 wrong arguments; 69 something is missing
or the registry doesn't answer.
TEXT
}

check=false
files=()
for argument in "$@"; do
    case $argument in
        -h | --help)
            usage
            exit 0
            ;;
        --check) check=true ;;
        -*)
            usage >&2
            exit 64
            ;;
        *) files+=("$argument") ;;
    esac
done
[ "${#files[@]}" -gt 0 ] || mapfile -t files < <(git ls-files -- '*Dockerfile' '.github/workflows/*.yml' \
    ':!deploy/examples/own-service' ':!deploy/examples/open-inference')
command -v docker >/dev/null || fail 69 "docker is missing"

# Lists NAME:TAG of the base images in a file, with their digests if they have any. Stages and names without a tag are left out.
images() {
    sed -nE -e 's/^FROM +(--platform=[^ ]+ +)?([^ ]+:[^ ]+)( .*)?$/\2/p' \
        -e 's/^ +image: +([^ ${]+:[^ ${]+)$/\1/p' "$1" | sort -u
}

stale=0
declare -A digests=()
for file in "${files[@]}"; do
    for image in $(images "$file"); do
        tag=${image%@*}
        if [ -z "${digests[$tag]:-}" ]; then
            digests[$tag]=$(docker buildx imagetools inspect --format '{{ .Manifest.Digest }}' "$tag") ||
                fail 69 "the registry doesn't tell the digest of $tag"
            [[ ${digests[$tag]} =~ ^sha256:[0-9a-f]{64}$ ]] || fail 69 "not a digest of $tag: ${digests[$tag]}"
        fi
        [ "$image" != "$tag@${digests[$tag]}" ] || continue
        stale=1
        say "$file: $tag is now ${digests[$tag]}"
        $check || sed -i "s|$image\$|$tag@${digests[$tag]}|; s|$image |$tag@${digests[$tag]} |" "$file"
    done
done
$check || stale=0
exit "$stale"
