"""Durations as the command lines of scripts/ have them."""

from __future__ import annotations

import argparse
import re
from typing import Callable


def duration(text: str) -> float:
    """Parses 500ms, 30s, 2m or 1h; returns seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 500ms, 30s or 2m")
    return float(match.group(1)) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[match.group(2)]


def patience(text: str) -> float:
    """A duration in which something has to happen, so that none would always be too short."""
    if (value := duration(text)) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time at all")
    return value


def or_off(parse_time: Callable[[str], float]) -> Callable[[str], float | None]:
    """A limit, or `off` for none."""
    return lambda text: None if text == "off" else parse_time(text)
