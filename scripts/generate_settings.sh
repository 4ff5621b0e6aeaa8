#!/usr/bin/env bash
# generate_settings.sh : writes the tables of docs/SETTINGS.md from the Proxy's settings (Sources/Settings/Groups).
# A unit test tells when they are out of date, and is what writes them.
set -euo pipefail
cd "$(dirname "$0")/.."
WRITE_SETTINGS_DOCUMENT=1 swift test -c release --disable-xctest --filter SettingsDocumentTests
