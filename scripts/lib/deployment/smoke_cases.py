"""The file with a model's smoke cases: models/VERSION/smoke.json."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path


class SmokeFileError(ValueError):
    """A file that is missing, empty or damaged; names it and says what is wrong with it."""


@dataclass
class Case:
    """One row of features, and the class that the model predicts for it."""

    features: list[float]
    label: str


def read_cases(file: Path) -> list[Case]:
    """The file's cases, one or more. Raises SmokeFileError."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise SmokeFileError(f"the smoke cases {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SmokeFileError(f"the smoke cases {file} are not text in UTF-8") from None
    if not text.strip():
        raise SmokeFileError(f"the smoke cases {file} are an empty file")
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise SmokeFileError(f"the smoke cases {file} are not JSON: {error}") from None
    if not isinstance(entries, list):
        raise SmokeFileError(f'the smoke cases {file} are not a list of {{"features": […], "label": …}}')
    if not entries:
        raise SmokeFileError(f"the smoke cases {file} are an empty list")
    return [_case(entry, f"case {number} of {file}") for number, entry in enumerate(entries, 1)]


def _case(entry: object, where: str) -> Case:
    if not isinstance(entry, dict):
        raise SmokeFileError(f'{where} is not {{"features": […], "label": …}}')
    features, label = entry.get("features"), entry.get("label")
    if not isinstance(features, list) or not features:
        raise SmokeFileError(f"{where} has no list of features")
    for number, feature in enumerate(features, 1):
        is_number = isinstance(feature, (int, float)) and not isinstance(feature, bool)
        if not is_number or not math.isfinite(feature):
            raise SmokeFileError(f"{where}: feature {number} is {feature!r}, not a finite number")
    if label is None or isinstance(label, (list, dict)):
        raise SmokeFileError(f"{where} has no label")
    return Case([float(feature) for feature in features], str(label))
