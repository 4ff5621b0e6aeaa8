# shellcheck shell=bash
# The Swift toolchain, and the one configuration in which everything is built. Needs log.sh.

readonly swift_needed=6.3

# Makes sure that `swift` is installed and new enough.
ensure_swift() {
    local folder version
    if ! command -v swift >/dev/null; then
        for folder in /opt/swift/usr/bin /usr/share/swift/usr/bin "$HOME/.local/share/swiftly/bin"; do
            if [ -x "$folder/swift" ]; then PATH=$folder:$PATH; fi
        done
    fi
    command -v swift >/dev/null ||
        fail 69 "swift is not in PATH. Install a Swift $swift_needed toolchain: https://www.swift.org/install/linux/"
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -n 1)
    [ -n "$version" ] || fail 69 "swift --version tells no version"
    [ "$(printf '%s\n' "$swift_needed" "$version" | sort -V | head -n 1)" = "$swift_needed" ] ||
        fail 69 "Swift $version is too old, $swift_needed or newer is needed: https://www.swift.org/install/linux/"
}

# build_release programs|all : builds the programs, or the tests too.
#
# Release is the only configuration: what is tested is what runs, and nothing is built twice.
build_release() {
    local -a what=()
    [ "$1" = programs ] || what=(--build-tests)
    say "Building (a first build takes 10 minutes on two idle cores, up to half an hour on busy ones; the next ones seconds)"
    swift build -c release "${what[@]}" || fail 70 "the build failed"
}
