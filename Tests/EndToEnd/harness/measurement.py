"""What an attack cost the Proxy and its well-behaved clients: for `--record FILE` and docs/SECURITY.md."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.bystander import Bystander
from harness.footprint import processor_seconds
from harness.proxy import Proxy


@dataclass
class Measurement:
    """One attack's row."""

    test: str
    reached_backend: int
    resident_growth_bytes: int
    processor_seconds: float
    seconds: float
    bystander_calls: int
    bystander_failures: int
    bystander_slowest_seconds: float


class Measured:
    """Measures a Proxy from `with` to its end, a bystander calling all the while; `row` has the result."""

    def __init__(self, proxy: Proxy, requests, test: str):
        self._proxy = proxy
        self._requests = requests
        self._test = test
        self._bystander = Bystander(proxy.address)
        self.row: Measurement | None = None

    def __enter__(self) -> "Measured":
        self._bystander.__enter__()
        self._bystander.wait_calls(5)
        self._memory = self._proxy.process.resident_bytes
        self._used = processor_seconds(self._proxy.process.pid)
        self._began = time.monotonic()
        return self

    def __exit__(self, *_) -> None:
        seconds = time.monotonic() - self._began
        used = processor_seconds(self._proxy.process.pid) - self._used
        growth = self._proxy.process.resident_bytes - self._memory
        # It must be served after the attack as well.
        self._bystander.wait_calls(5)
        self._bystander.__exit__()
        bystander = self._bystander
        self.row = Measurement(
            self._test, self._requests(), growth, round(used, 3), round(seconds, 3), bystander.calls,
            len(bystander.failures), round(bystander.slowest, 4),
        )
        assert bystander.failures == []


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
