"""The line of a program's output that says why it failed."""

from __future__ import annotations

import json
import re

from .plain_text import last_line, plain

_FAULT = re.compile(
    r"error\b|exception\b|\bfatal\b|\bpanic\b|\bcritical\b|\bfail(?:ed|ure)\b|\bcan(?:not|'t)\b|\bunable\b|\bno such\b"
    r"|\bnot found\b|\bdenied\b|\brefused\b|\babort",
    re.IGNORECASE,
)
_LENGTH = 300


def error_line(output: str) -> str | None:
    """The last line that speaks of an error; None if none does. Of a JSON line it is the message."""
    for line in reversed(plain(output).splitlines()):
        if _FAULT.search(line):
            return _message(line.strip())[:_LENGTH]
    return None


def reason_in(output: str) -> str | None:
    """The line that speaks of an error, or else the last one; None if there is no text."""
    last = last_line(output)
    return error_line(output) or (_message(last)[:_LENGTH] if last else None)


def _message(line: str) -> str:
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict):
        return line
    texts = [str(entry[name]) for name in ("message", "msg", "error", "cause") if entry.get(name)]
    return ": ".join(texts) or line
