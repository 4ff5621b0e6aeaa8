"""A release that is under way while calls are measured: the color that isn't active, the admin API, what was copied."""

import contextlib
import json
import math
import os
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

from .driver import Distance, EchoBackend, Listener, LoadError
from .peers import ADMIN, OTHER_COLOR, Places
from .processes import NICENESS, Program
from .scenarios import SLOW_MS, Idle, Release

#: The Proxy's thread that compares answers, and by how much the Proxy puts it behind the others.
COMPARING_THREAD = "comparisons"
COMPARING_DISTANCE = 10

#: The colors' names: the first is active, the other one is released.
ACTIVE, OTHER = "blue", "green"

PATIENCE = 20.0


def start_idle_color(places: Places, idle: Idle, cores: str, port: int) -> list[Listener]:
    """The programs that are the color which isn't active, for a Proxy that listens on `port`."""
    own, name = port + OTHER_COLOR, "other-color"
    if idle is Idle.DEAD:
        return []
    if idle is Idle.SLOW:
        far = EchoBackend(places.tools, places.run, cores, name)
        return [far, Distance(places.tools, places.run, cores, far.port, SLOW_MS // 2, listen=own)]
    return [EchoBackend(places.tools, places.run, cores, name, own, answers=idle.value)]


class ReleaseUnderWay:
    """Begins a release, or none where the scenario's has no step, and reads what came of it."""

    def __init__(self, release: Release, program: Program, port: int) -> None:
        self._release = release
        self._address = f"http://127.0.0.1:{port + ADMIN}"
        tasks = Path(f"/proc/{program.processes()[0]}/task").iterdir()
        self._thread = next(task for task in tasks if (task / "comm").read_text().strip() == COMPARING_THREAD)
        # As far behind the worker as where nobody has changed the Proxy's own priority.
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, int(self._thread.name), NICENESS + COMPARING_DISTANCE)
        if release.step is not None:
            # Both colors and the driver wait for each other on one core: their times tell nothing to the judge.
            judging = {"min_calls": 0, "latency_margin": 100, "on_breach": "pause"}
            plan = {"steps": [release.step | {"for": "1h"}]} | judging
            self._ask("/release", json.dumps(plan).encode())

    def _ask(self, path: str, body: bytes | None = None) -> str:
        try:
            with urllib.request.urlopen(self._address + path, body, timeout=10) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            raise LoadError(f"{path}: {error}: {error.read().decode()[:200]}") from None
        except OSError as error:
            raise LoadError(f"{path}: {error}") from None

    def read(self) -> Counter[str]:
        """What there has been so far: calls by color, copies by what became of them, comparisons and their time."""
        metrics: dict[str, float] = {}
        for line in self._ask("/metrics").splitlines():
            if not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                metrics[name] = float(value)
        counts: Counter[str] = Counter()
        for color in (ACTIVE, OTHER):
            counts[color] = int(metrics[f'sluice_calls_started_total{{color="{color}"}}'])
        counts["started"] = int(metrics["sluice_copies_started_total"])
        counts["answered"] = int(metrics["sluice_copies_answered_total"])
        counts["given_up"] = int(sum(n for name, n in metrics.items() if name.startswith("sluice_copies_given_up")))
        counts["comparing_ns"] = int((self._thread / "schedstat").read_text().split()[0])
        if self._release.step is not None:
            release = json.loads(self._ask("/release"))
            if release["phase"] != "running":
                raise LoadError(f"the release is {release['phase']}: {json.dumps(release.get('breach'))}")
            comparison = release["steps"][-1].get("comparison", {})
            counts["compared"] = comparison.get("compared", 0)
            counts["agreeing"] = comparison.get("agreeing", 0)
            # More than there was time for. The other reasons are the copies' own, and counted above.
            counts["overload"] = comparison.get("given_up", {}).get("overload", 0)
        return counts

    def settle(self) -> Counter[str]:
        """The same once all answers have been compared."""
        deadline = time.monotonic() + PATIENCE
        while True:
            counts = self.read()
            done = counts["compared"] + counts["overload"] == counts["answered"]
            if "shadow" not in (self._release.step or {}) or not self._release.idle.answers:
                return counts
            if done and counts["started"] == counts["answered"] + counts["given_up"]:
                return counts
            if time.monotonic() > deadline:
                raise LoadError(f"copies aren't compared within {PATIENCE:.0f} s: {dict(counts)}")
            time.sleep(0.05)

    def figures(self, before: Counter[str], after: Counter[str]) -> dict[str, float]:
        """Of each live call between two readings. Raises `LoadError` if something else was copied than should be."""
        change = Counter({name: after[name] - before[name] for name in after})
        calls = change[ACTIVE] + change[OTHER]
        if faults := _faults(self._release, change, calls):
            raise LoadError(f"the release: {'; '.join(faults)}: {dict(change)}")
        each = change["comparing_ns"] / change["compared"] / 1000 if change["compared"] else 0
        return {
            # As if what there was no time for had been compared, too.
            "comparing_us_per_call": each * change["answered"] / calls,
            "copied_share": change["started"] / calls,
            "compared_share": change["compared"] / calls,
            "given_up_share": change["given_up"] / calls,
            "other_color_share": change[OTHER] / calls,
        }


def _faults(release: Release, change: Counter[str], calls: int) -> list[str]:
    """What isn't as the release's step asks for."""
    step, idle = release.step or {}, release.idle
    shares = {kind: float(share.rstrip("%")) / 100 for kind, share in step.items()}
    faults = []
    for what, count, share in (
        ("calls on the new color", change[OTHER], shares.get("canary", 0)),
        ("copies", change["started"], shares.get("shadow", 0)),
    ):
        if abs(count - share * calls) > 4 * math.sqrt(calls * share * (1 - share)):
            faults.append(f"{count} {what} of {calls} calls for a share of {share:g}")
    if "shadow" in step:
        compared = change["compared"]
        if (compared > 0) != idle.answers:
            faults.append(f"{compared} compared")
        if change["agreeing"] != (0 if idle is Idle.DIFFERING else compared):
            faults.append(f"{change['agreeing']} of {compared} agree")
        if idle in (Idle.EQUAL, Idle.DIFFERING) and change["given_up"] > 0:
            faults.append(f"{change['given_up']} given up")
    return faults
