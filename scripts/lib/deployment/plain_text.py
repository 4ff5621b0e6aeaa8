"""Text of other programs, made fit for a log file."""

from __future__ import annotations

import re

#: ANSI's control and title sequences, and the control characters other than tab and newline.
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]"
)


def plain(text: str) -> str:
    """The text without escape codes and control characters; lines that a carriage return overwrote are lines here."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def last_line(text: str) -> str | None:
    """The last line that is not empty."""
    lines = [line.strip() for line in plain(text).splitlines() if line.strip()]
    return lines[-1] if lines else None
