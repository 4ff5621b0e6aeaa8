# shellcheck shell=bash
# The Python environments of clients and tests; the programs themselves need no Python. Needs log.sh.

# ensure_venv REQUIREMENTS [VENV] : installs the file's packages into VENV (.venv unless told otherwise), unless that has been done
# before. The file lists the hashes of all packages, so that nothing else is installed.
ensure_venv() {
    local requirements=$1 venv=${2:-.venv} stamp wanted attempt
    stamp=$venv/.installed-$(printf '%s' "$requirements" | tr '/' '-')
    wanted=$(cksum <"$requirements")
    if ! "$venv/bin/python" -c '' 2>/dev/null; then
        say "Making $venv"
        rm -rf "$venv"
        python3 -m venv "$venv" || fail 69 "python3 -m venv failed (Debian: apt-get install python3-venv)"
    fi
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then return 0; fi
    say "Installing $requirements into $venv"
    for attempt in 1 2 3; do
        if "$venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
            --require-hashes -r "$requirements"; then
            printf '%s\n' "$wanted" >"$stamp"
            return 0
        fi
        warn "pip failed, try $attempt of 3"
        sleep $((attempt * 2))
    done
    fail 69 "could not install $requirements into $venv"
}
