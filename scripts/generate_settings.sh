#!/usr/bin/env bash
# Writes the tables of docs/SETTINGS.md from the Proxy's settings (Sources/Settings/Groups).
#
# SettingsDocumentTests fails when they are out of date, and writes them when this script runs it.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/log.sh
source scripts/lib/toolchain.sh

case "${1-}" in
    "") ;;
    -h | --help) echo "usage: scripts/generate_settings.sh"; exit 0 ;;
    *) echo "usage: scripts/generate_settings.sh" >&2; exit 64 ;;
esac

ensure_swift
build_release all
WRITE_SETTINGS_DOCUMENT=1 swift_test --filter SettingsDocumentTests
