"""Instructions of the Proxy or the Predictor per call, by valgrind's callgrind."""

import os
import re
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from .driver import Driver, EchoBackend, LoadError
from .measurement import LOAD_CORE, PROXY_CORE, PROXY_PORT, Timing, first_calls, load_arguments, wait_until_it_answers
from .peers import Places, proxy_binary, proxy_launch
from .processes import Program
from .scenarios import Scenario
from .servers import PREDICTOR, predictor_binary
from .symbols import Classifier

#: Calls of the shorter and the longer run. They differ by enough calls for what isn't the calls' to vanish.
CALLS = {"1x1": (300, 1300), "16k": (300, 1300), "1m": (32, 96), "per-call": (200, 800), "tls-per-call": (50, 250)}
CALLS_OTHERWISE = (1000, 5000)

#: 10,000 calls at once take a proxy that valgrind makes fifty times slower longer than its connect timeout: as many as
#: fit on the one upstream connection that the first call has made.
CONNECTIONS_AT_MOST = 10
CALLS_OF_MANY_STREAMS = (4000, 12_000)


@dataclass(frozen=True)
class Instructions:
    """User instructions: all, by category, and by function with its category."""

    total: float
    by_category: dict[str, float]
    by_function: dict[tuple[str, str], float]

    def minus(self, other: "Instructions", calls: int) -> "Instructions":
        """What this run needs more than the other, for each of so many calls."""

        def difference(mine: dict, others: dict) -> dict:
            return {key: (count - others.get(key, 0)) / calls for key, count in mine.items()}

        return Instructions(
            (self.total - other.total) / calls,
            difference(self.by_category, other.by_category),
            difference(self.by_function, other.by_function),
        )


def stripped(places: Places, source: Path) -> Path:
    """A copy of a release build without debugging information, whose symbols are kept for the breakdown."""
    target = places.bench / f"{source.name}.stripped"
    made = source.stat().st_mtime_ns
    if not target.exists() or target.stat().st_mtime_ns != made:
        subprocess.run(["strip", "--strip-debug", "-o", str(target), str(source)], check=True)
        # The environment may name another build the next time, also an older one.
        os.utime(target, ns=(made, made))
    return target


def instructions_per_call(places: Places, scenario: Scenario) -> Instructions:
    """Those of one call: the difference of two runs, so that start and end cancel out.

    Raises `LoadError` if a run fails or answers a call wrong.
    """
    if scenario.calls_in_flight > 1000:
        scenario = replace(scenario, connections=min(scenario.connections, CONNECTIONS_AT_MOST))
        fewer, more = CALLS_OF_MANY_STREAMS
    else:
        fewer, more = CALLS.get(scenario.name, CALLS_OTHERWISE)
    short, long = _run(places, scenario, fewer), _run(places, scenario, more)
    return long.minus(short, more - fewer)


def _run(places: Places, scenario: Scenario, calls: int) -> Instructions:
    # Left there for callgrind_annotate and KCachegrind.
    output = places.bench / f"callgrind/{scenario.name}.{calls}"
    output.parent.mkdir(exist_ok=True)
    output.unlink(missing_ok=True)
    backend = None if scenario.method else EchoBackend(places.tools, places.run, LOAD_CORE)
    try:
        run = Places(places.repository, places.bench, places.run / f"run.{calls}")
        run.run.mkdir()
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}"]
        if backend is None:
            launch = PREDICTOR.launch(run, scenario, 1, PROXY_PORT, 0)
            command = [*valgrind, str(stripped(places, predictor_binary(places))), *launch.command[1:]]
        else:
            launch = proxy_launch(run, scenario, 1, PROXY_PORT, backend.port)
            # One check at the start: how many there are in a run shall not depend on its time.
            options = ["--health-interval", "3600s", "--health-timeout", "60s"]
            proxy = str(stripped(places, proxy_binary(places)))
            command = [*valgrind, proxy, *_without_interval(launch.command[1:]), *options]
        environment = {
            "LD_PRELOAD": str(places.tools / "sigsuspend.so"),
            # valgrind counts `rep movsb` and `rep stosb` as an instruction per byte: libc shall use vector registers.
            "GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=1073741824:"
            "glibc.cpu.x86_rep_stosb_threshold=1073741824",
        }
        program = Program(command, PROXY_CORE, run.run / "output.log", environment)
        try:
            driver = Driver(places.tools, LOAD_CORE)
            first = first_calls(scenario, run.run, places.repository)
            wait_until_it_answers(program, driver, first, Timing(0, 0, start=120))
            # The check of both colors that may still run.
            time.sleep(1)
            result = driver.run(PROXY_PORT, [*load_arguments(scenario, run.run), "--requests", str(calls)], {}, 600)
        finally:
            program.stop(patience=60)
    finally:
        if backend is not None:
            backend.stop()
    failures = {name: count for name, count in result["failures"].items() if count > 0}
    if failures:
        raise LoadError(f"calls failed under valgrind: {failures}")
    if not output.exists() or output.stat().st_size == 0:
        raise LoadError(f"valgrind wrote nothing: {program.last_words()}")
    return _read(output, Classifier(places.repository))


def _without_interval(arguments: list[str]) -> list[str]:
    position = arguments.index("--health-interval")
    return arguments[:position] + arguments[position + 2 :]


def _read(output: Path, classifier: Classifier) -> Instructions:
    listing = subprocess.run(
        ["callgrind_annotate", "--threshold=100", "--auto=no", str(output)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    total = 0
    by_category: Counter[str] = Counter()
    by_function: Counter[tuple[str, str]] = Counter()
    for line in listing.splitlines():
        if match := re.match(r"\s*([\d,]+)(?: \([\d. ]+%\))?\s+PROGRAM TOTALS", line):
            total = int(match[1].replace(",", ""))
        elif match := re.match(r"\s*([\d,]+)(?: \([\d. ]+%\))?\s+[^:]*:(.+?)(?: \[([^\]]*)\])?$", line):
            category = classifier.category(match[2], match[3] or "")
            count = int(match[1].replace(",", ""))
            by_category[category] += count
            by_function[category, "(no symbol)" if match[2].startswith("0x") else match[2]] += count
    if total == 0:
        raise LoadError(f"callgrind_annotate found no total in {output}")
    return Instructions(total, by_category, by_function)
