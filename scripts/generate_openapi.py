#!/usr/bin/env python3
"""Copies docs/openapi.json into the Swift file from which the Proxy serves it at /openapi.json.

generate_openapi.py          writes the file
generate_openapi.py --check  exits with 1 if the file is not up to date
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs/openapi.json"
SOURCE = ROOT / "Sources/ControlPlane/Generated/OpenAPIDocument.swift"

HEAD = '''\
// Made by scripts/generate_openapi.py from docs/openapi.json.

/// The description of the admin API (OpenAPI 3.1), served at `/openapi.json`.
package enum OpenAPIDocument {
    package static let text = #"""
'''
TAIL = '        """#\n}\n'


def source() -> str:
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if DOCUMENT.read_text(encoding="utf-8") != text:
        sys.exit(f"{DOCUMENT} is not laid out as json.dumps(indent=2) does it")
    assert '"""#' not in text and "\\#" not in text
    return HEAD + "".join(f"        {line}\n" for line in text.splitlines()) + "\n" + TAIL


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        if SOURCE.read_text(encoding="utf-8") != source():
            print(f"{SOURCE.relative_to(ROOT)} is not made from {DOCUMENT.relative_to(ROOT)}: run {sys.argv[0]}")
            return 1
        return 0
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 64
    SOURCE.write_text(source(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
