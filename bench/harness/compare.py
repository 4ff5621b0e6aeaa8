"""Compares builds of the Proxy or the Predictor, and peers, in many short turns; scripts/compare.sh calls it."""

import argparse
import math
import os
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .driver import LoadError
from .measurement import PROXY_PORT, Contender, Timing, in_turns
from .peers import PEERS, PROXY, Launch, Peer, Places, Unavailable
from .scenarios import SCENARIOS, Kind, Scenario, scenario_named
from .servers import PREDICTOR, SERVERS


def peer_named(text: str, scenario: Scenario) -> Peer:
    """A build of the program that the scenario is about, by its path, or a peer by its name.

    Raises `ValueError` if it is neither.
    """
    own = PREDICTOR if scenario.method else PROXY
    if os.sep in text:
        path = Path(text).resolve()
        if not path.is_file():
            raise ValueError(f"{text}: no such file")

        def launch(*arguments: object) -> Launch:
            usual = own.launch(*arguments)
            return Launch([str(path), *usual.command[1:]], usual.environment)

        return Peer(text, launch, own.read_version, own.is_http2, own.has_releases, own.subject)
    others = [peer for peer in PEERS + SERVERS if peer.subject is own.subject and peer is not own]
    for peer in others:
        if peer.name == text:
            return peer
    names = ", ".join(peer.name for peer in others)
    raise ValueError(f"{text}: neither a path nor one of {names}")


@dataclass(frozen=True)
class Ratio:
    """The geometric mean of ratios turn by turn, and twice its standard error."""

    mean: float
    uncertainty: float


def ratio(costs: list[float], base: list[float]) -> Ratio:
    """Of at least two turns."""
    logarithms = [math.log(cost / other) for cost, other in zip(costs, base, strict=True)]
    mean = math.exp(statistics.mean(logarithms))
    return Ratio(mean, 2 * mean * statistics.stdev(logarithms) / math.sqrt(len(logarithms)))


def compare(places: Places, scenario: Scenario, peers: list[Peer], timing: Timing, turns: int) -> list[list[float]]:
    """µs per call, by peer and turn. Raises `LoadError` or `Unavailable`."""
    contenders: list[Contender] = []
    try:
        for index, peer in enumerate(peers):
            own = Places(places.repository, places.bench, places.run / str(index))
            contenders.append(Contender(peer, own, scenario, PROXY_PORT + index))
        results = in_turns(contenders, timing, turns)
    finally:
        for contender in contenders:
            contender.stop()
    costs = []
    for peer, result in zip(peers, results, strict=True):
        if isinstance(result, LoadError):
            raise LoadError(f"{peer.name}: {result}")
        if failures := [turn["failures"] for turn in result if turn["failures"]]:
            raise LoadError(f"{peer.name}: calls failed: {failures[0]}")
        costs.append([turn["cpu_us_per_call"] for turn in result])
    return costs


def main() -> int:
    kinds = (Kind.CPU_PER_CALL, Kind.RELEASE, Kind.SERVED_CALL)
    names = [scenario.name for scenario in SCENARIOS if scenario.kind in kinds]
    parser = argparse.ArgumentParser(
        prog="scripts/compare.sh", description="Compares builds of the Proxy or the Predictor, and peers."
    )
    parser.add_argument("scenario", choices=names)
    parser.add_argument("peers", nargs="+", metavar="PATH|PEER", help="the first is what the others are held against")
    parser.add_argument("--turns", type=int, default=20, help="of each; 20 by default")
    parser.add_argument("--seconds", type=float, default=1.0, help="counted in each turn; 1 by default")
    parser.add_argument("--warm-up", type=float, default=0.3, help="seconds before those, not counted; 0.3 by default")
    parser.add_argument("--repository", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--bench", type=Path, required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.turns < 2:
        parser.error("--turns: at least 2")
    scenario = scenario_named(arguments.scenario)
    try:
        peers = [peer_named(text, scenario) for text in arguments.peers]
    except ValueError as error:
        parser.error(str(error))
    with tempfile.TemporaryDirectory(prefix="compare-", dir=arguments.bench) as folder:
        places = Places(arguments.repository, arguments.bench, Path(folder))
        try:
            costs = compare(places, scenario, peers, Timing(arguments.warm_up, arguments.seconds), arguments.turns)
        except (LoadError, Unavailable) as error:
            print(f"compare: {error}", file=sys.stderr)
            return 1
    print(f"{scenario.name}, {arguments.turns} turns: median µs/call, ratio to the first ± twice its standard error")
    for peer, own in zip(peers, costs, strict=True):
        held = ratio(own, costs[0])
        print(f"  {peer.name:40} {statistics.median(own):8.2f}   {held.mean:.3f} ± {held.uncertainty:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
