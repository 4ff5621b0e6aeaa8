"""The commands that the documents show, so that tests can run them to the letter."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^(?:<!-- (not run|run): ([^\n]*?) -->\n)?```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: str) -> dict[str, str]:
    """The blocks of a document that tests run, by the names in the comments before them: `<!-- run: NAME -->`."""
    return {name: text for mark, name, text in _BLOCK.findall((ROOT / document).read_text()) if mark == "run"}


def unmarked(document: str) -> list[str]:
    """The first lines of the blocks without a comment that names them or says why not: `<!-- not run: REASON -->`."""
    return [text.splitlines()[0] for mark, _, text in _BLOCK.findall((ROOT / document).read_text()) if not mark]


def commands(block: str) -> list[str]:
    """A block's lines without comments and empty lines."""
    stripped = (re.sub(r"(^|\s)#.*", "", line).rstrip() for line in block.splitlines())
    return [line for line in stripped if line]
