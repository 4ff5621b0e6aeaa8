"""Measures what an attack costs the Proxy and well-behaved clients, for `--record FILE` and docs/SECURITY.md."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.footprint import processor_seconds
from harness.proxy import Proxy
from harness.witness import Witness


@dataclass
class Measurement:
    """The measurements of one attack."""

    test: str
    reached_backend: int
    resident_growth_bytes: int
    processor_seconds: float
    seconds: float
    witness_calls: int
    witness_failures: int
    witness_slowest_seconds: float


class Measured:
    """Measures a Proxy from `with` to its end, with a witness calling all the while; `row` has the result."""

    def __init__(self, proxy: Proxy, requests, test: str):
        self._proxy = proxy
        self._requests = requests
        self._test = test
        self._witness = Witness(proxy.address)
        self.row: Measurement | None = None

    def __enter__(self) -> "Measured":
        self._witness.__enter__()
        self._memory = self._proxy.process.resident_bytes
        self._used = processor_seconds(self._proxy.process.pid)
        self._began = time.monotonic()
        return self

    def __exit__(self, *error) -> None:
        seconds = time.monotonic() - self._began
        used = processor_seconds(self._proxy.process.pid) - self._used
        growth = self._proxy.process.resident_bytes - self._memory
        witness = self._witness
        witness.__exit__(*error)
        self.row = Measurement(
            self._test, self._requests(), growth, round(used, 3), round(seconds, 3), witness.calls,
            len(witness.failures), round(witness.slowest, 4),
        )


class Recorder:
    """Collects the rows of a test run and writes them out at its end."""

    def __init__(self, path: Path | None):
        self._path = path
        self._rows: list[Measurement] = []

    def add(self, row: Measurement) -> None:
        self._rows.append(row)

    def write(self) -> None:
        if self._path is not None and self._rows:
            self._path.write_text(json.dumps([asdict(row) for row in self._rows], indent=1) + "\n")
