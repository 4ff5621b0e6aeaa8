"""Where the processor time of the Proxy or the Predictor goes, by perf's samples."""

import re
import subprocess
from collections import Counter
from pathlib import Path

from .driver import LoadError
from .measurement import Contender, load_arguments
from .peers import PROXY, Places
from .scenarios import Scenario
from .servers import PREDICTOR
from .symbols import Classifier


class Profile:
    """Samples by category and by function."""

    def __init__(self) -> None:
        self.categories: Counter[str] = Counter()
        self.functions: Counter[tuple[str, str]] = Counter()

    @property
    def total(self) -> int:
        return sum(self.categories.values())


def sample(places: Places, scenario: Scenario, seconds: float) -> Profile:
    """Loads the program that the scenario is about and samples all its threads for that long.

    Raises `LoadError` if either can't be done.
    """
    contender = Contender(PREDICTOR if scenario.method else PROXY, places, scenario)
    try:
        data = places.run / "perf.data"
        pids = ",".join(map(str, contender.processes()))
        recorder = subprocess.Popen(
            ["perf", "record", "--quiet", "--freq", "2999", "--pid", pids, "--output", str(data),
             "sleep", str(seconds + 1)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        arguments = [*load_arguments(scenario, places.run), "--warm-up", "1", "--seconds", str(seconds)]
        contender.driver.run(contender.port, arguments, {}, seconds + 60)
        if recorder.wait(timeout=60) != 0:
            raise LoadError(f"perf record: {recorder.stderr.read().strip()}")
    finally:
        contender.stop()
    return _read(data, Classifier(places.repository))


def _read(data: Path, classifier: Classifier) -> Profile:
    listing = subprocess.run(
        ["perf", "report", "--input", str(data), "--stdio", "--no-children", "--no-demangle", "--sort", "dso,symbol",
         "--fields", "sample,dso,symbol", "--field-separator", "\t"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    profile = Profile()
    for line in listing.splitlines():
        parts = line.split("\t")
        if len(parts) < 3 or not parts[0].strip().isdigit():
            continue
        count, file = int(parts[0]), parts[1].strip()
        mark, symbol = re.match(r"\s*(?:\[(.)\] )?(.*?)\s*$", parts[2]).groups()
        category = "kernel" if mark == "k" else classifier.category(symbol, file)
        profile.categories[category] += count
        # Without its library's symbols a function shows as one address or another within it.
        profile.functions[category, "(no symbol)" if symbol.startswith("0x") else symbol] += count
    if profile.total == 0:
        raise LoadError("perf took no samples")
    return profile
