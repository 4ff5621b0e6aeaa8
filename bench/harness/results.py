"""The results file: every run of every peer, by scenario."""

import json
from pathlib import Path
from statistics import median

from .scenarios import Kind, Scenario


def figure_of(scenario: Scenario, run: dict) -> float:
    """The one figure that a run of this scenario is about."""
    if scenario.kind is Kind.MEMORY:
        return run["kib_each"]
    if scenario.kind in (Kind.SCALING, Kind.RELEASE):
        return run["factor"]
    if scenario.kind is Kind.RATE:
        return run["megabytes_per_second"]
    if scenario.kind is Kind.RESIDENT:
        return run["mib"]
    return run["cpu_ns_per_byte" if scenario.unit == "ns/byte" else "cpu_us_per_call"]


class PeerResult:
    """All runs of one peer in one scenario."""

    def __init__(self, scenario: Scenario, name: str, entry: dict) -> None:
        self.name = name
        self.version: str = entry["version"]
        self.is_http2: bool = entry["is_http2"]
        self.runs: list[dict] = entry["runs"]
        self.errors: list[str] = entry["errors"]
        self._scenario = scenario

    @property
    def figures(self) -> list[float]:
        return [figure_of(self._scenario, run) for run in self.runs]

    @property
    def figure(self) -> float | None:
        """The median of the runs."""
        return median(self.figures) if self.runs else None

    def median_of(self, *path: str) -> float:
        values = []
        for run in self.runs:
            value = run
            for key in path:
                value = value[key]
            values.append(value)
        return median(values)

    @property
    def failures(self) -> dict[str, int]:
        total: dict[str, int] = {}
        for run in self.runs:
            for name, count in run["failures"].items():
                total[name] = total.get(name, 0) + count
        return total


class Results:
    """The file, and changes to it. A scenario is replaced as a whole, so that its figures are of one run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._scenarios: dict[str, dict] = json.loads(path.read_text())["scenarios"] if path.exists() else {}

    def begin(self, scenario: Scenario, description: dict) -> None:
        """Forgets what the file had of the scenario."""
        self._scenarios[scenario.name] = {"description": description, "peers": {}, "skipped": {}}

    def add_peer(self, scenario: Scenario, name: str, version: str, is_http2: bool) -> None:
        self._scenarios[scenario.name]["peers"][name] = {
            "version": version, "is_http2": is_http2, "runs": [], "errors": [],
        }  # fmt: skip

    def skip(self, scenario: Scenario, name: str, reason: str) -> None:
        self._scenarios[scenario.name]["peers"].pop(name, None)
        self._scenarios[scenario.name]["skipped"][name] = reason

    def add_run(self, scenario: Scenario, name: str, run: dict) -> None:
        self._scenarios[scenario.name]["peers"][name]["runs"].append(run)

    def add_error(self, scenario: Scenario, name: str, reason: str) -> None:
        self._scenarios[scenario.name]["peers"][name]["errors"].append(reason)

    def has(self, scenario: Scenario) -> bool:
        return scenario.name in self._scenarios

    def description(self, scenario: Scenario) -> dict:
        return self._scenarios[scenario.name]["description"]

    def skipped(self, scenario: Scenario) -> dict[str, str]:
        return self._scenarios[scenario.name]["skipped"]

    def peers(self, scenario: Scenario) -> list[PeerResult]:
        entries = self._scenarios[scenario.name]["peers"]
        return [PeerResult(scenario, name, entry) for name, entry in entries.items()]

    def save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        rounded = _rounded({"scenarios": self._scenarios})
        self._path.write_text(json.dumps(rounded, indent=1, ensure_ascii=False) + "\n")


def _rounded(value: object) -> object:
    """Floats to 4 significant decimals: more would be noise in the file."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    return value
