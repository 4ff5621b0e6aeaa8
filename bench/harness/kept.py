"""The kept figures of instructions per call: bench/instructions.tsv."""

from dataclasses import dataclass
from pathlib import Path

from .symbols import CATEGORIES

COLUMNS = ["scenario", "instructions_per_call", *CATEGORIES[1:], "libnghttp2_version", "commit"]


@dataclass(frozen=True)
class Figure:
    """One scenario's instructions per call, and what they were counted with."""

    scenario: str
    total: int
    by_category: dict[str, int]
    libnghttp2_version: str
    commit: str


class KeptFigures:
    """The file, read and changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._figures: dict[str, Figure] = {}
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            name, total, *categories, version, commit = line.split("\t")
            counts = dict(zip(CATEGORIES[1:], map(int, categories), strict=True))
            self._figures[name] = Figure(name, int(total), counts, version, commit)

    def figure(self, scenario: str) -> Figure | None:
        return self._figures.get(scenario)

    def keep(self, figure: Figure, order: list[str]) -> None:
        """Replaces the scenario's figure and writes the file, the scenarios in the given order."""
        self._figures[figure.scenario] = figure
        lines = ["\t".join(COLUMNS)]
        for name in order:
            if kept := self._figures.get(name):
                counts = [str(kept.by_category.get(category, 0)) for category in CATEGORIES[1:]]
                lines.append("\t".join([name, str(kept.total), *counts, kept.libnghttp2_version, kept.commit]))
        self._path.write_text("\n".join(lines) + "\n")
