"""The benchmark's command line; scripts/bench.sh brings together what it needs and calls it."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from . import machine, report
from .driver import LoadError
from .measurement import Timing, measure
from .peers import EXPERIMENTS, PEERS, PROXY, Peer, Places, Unavailable
from .results import Results, figure_of
from .scenarios import SCENARIOS, Kind, Scenario, scenario_named


def _note(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench.sh", description="Measures the Proxy beside its peers.")
    scenarios = ", ".join(scenario.name for scenario in SCENARIOS)
    parser.add_argument("--scenarios", type=_names, help=f"all by default: {scenarios}")
    parser.add_argument("--peers", type=_names, help=f"all by default: {', '.join(peer.name for peer in PEERS)}")
    parser.add_argument("--rounds", type=int, help="5 by default")
    parser.add_argument("--seconds", type=float, help="counted in each run; 3 by default")
    parser.add_argument("--warm-up", type=float, help="seconds before that; 1 by default")
    parser.add_argument("--quick", action="store_true", help="1 round of 0.5 s; the document isn't touched")
    parser.add_argument("--no-document", action="store_true", help="print the tables only, don't touch the document")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the document's tables anew")
    parser.add_argument("--repository", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--bench", type=Path, required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    known = {scenario.name for scenario in SCENARIOS}
    for name in arguments.scenarios or []:
        if name not in known:
            parser.error(f"no scenario {name}; there are {scenarios}")
    names = [peer.name for peer in PEERS + EXPERIMENTS]
    for name in arguments.peers or []:
        if name not in names:
            parser.error(f"no peer {name}; there are {', '.join(names)}")
    return arguments


class Benchmark:
    """The runs of one call of the script."""

    def __init__(self, places: Places, peers: list[Peer], rounds: int, timing: Timing, results: Results) -> None:
        self._places = places
        self._peers = peers
        self._rounds = rounds
        self._timing = timing
        self._results = results
        #: Of the Proxy: those of its peers are in the tables, and no reason to fail.
        self.failures = 0

    def run(self, scenario: Scenario) -> None:
        """All rounds of one scenario, the peers taking turns within each round."""
        # Memory hardly varies, and takes longer to measure.
        rounds = min(self._rounds, 2) if scenario.kind is Kind.MEMORY else self._rounds
        description = machine.describe(self._places.repository)
        self._results.begin(scenario, description | {"rounds": rounds, "seconds": self._timing.counted})
        present = [peer for peer in self._peers if self._announce(scenario, peer)]
        for round_number in range(1, rounds + 1):
            # Each round begins with another peer, so that none always follows the same one.
            shift = (round_number - 1) % len(present) if present else 0
            for peer in present[shift:] + present[:shift]:
                if not self._run_once(scenario, peer, f"{scenario.name} {round_number}/{rounds} {peer.name}"):
                    present = [other for other in present if other is not peer]
            self._results.save()

    def _announce(self, scenario: Scenario, peer: Peer) -> bool:
        try:
            version = peer.read_version(self._places)
        except Unavailable as reason:
            self._skip(scenario, peer, reason)
            return False
        self._results.add_peer(scenario, peer.name, version, peer.is_http2)
        return True

    def _skip(self, scenario: Scenario, peer: Peer, reason: Unavailable) -> None:
        _note(f"SKIPPED {peer.name} in {scenario.name}: {reason}")
        self._results.skip(scenario, peer.name, str(reason))

    def _run_once(self, scenario: Scenario, peer: Peer, title: str) -> bool:
        """False if the peer can't take part in this scenario at all."""
        with tempfile.TemporaryDirectory(prefix="bench-", dir=self._places.bench) as folder:
            places = Places(self._places.repository, self._places.bench, Path(folder))
            try:
                run = measure(peer, places, scenario, self._timing)
            except Unavailable as reason:
                self._skip(scenario, peer, reason)
                return False
            except LoadError as error:
                _note(f"{title}: FAILED: {error}")
                self._results.add_error(scenario, peer.name, str(error))
                if peer is PROXY:
                    self.failures += 1
                return True
        failed = sum(run["failures"].values())
        if peer is PROXY:
            self.failures += failed
        detail = f" FAILURES {run['failures']}" if failed else ""
        foreign = f", foreign load {100 * run['foreign_cores']:.0f} %" if "foreign_cores" in run else ""
        _note(f"{title}: {figure_of(scenario, run):.3f} {scenario.unit}{foreign}{detail}")
        self._results.add_run(scenario, peer.name, run)
        return True


def main() -> int:
    arguments = _arguments()
    keeps = not (arguments.quick or arguments.no_document)
    path = arguments.repository / "bench/results.json" if keeps else arguments.bench / "results.json"
    results = Results(path)
    document = arguments.repository / "docs/BENCHMARKS.md"
    failures = 0
    chosen = [scenario_named(name) for name in arguments.scenarios] if arguments.scenarios else SCENARIOS
    if not arguments.report:
        peers = PEERS
        if arguments.peers is not None:
            peers = [peer for peer in PEERS + EXPERIMENTS if peer.name in arguments.peers]
        rounds = arguments.rounds or (1 if arguments.quick else 5)
        timing = Timing(
            warm_up=arguments.warm_up if arguments.warm_up is not None else (0.3 if arguments.quick else 1.0),
            counted=arguments.seconds or (0.5 if arguments.quick else 3.0),
        )
        places = Places(arguments.repository, arguments.bench, arguments.bench)
        benchmark = Benchmark(places, peers, rounds, timing, results)
        for scenario in chosen:
            benchmark.run(scenario)
        failures = benchmark.failures
    if keeps:
        report.write_into(document, report.tables(results))
        _note(f"wrote {path} and {document}")
    else:
        print("\n\n".join(report.scenario_section(scenario, results) for scenario in chosen if results.has(scenario)))
    if failures:
        _note(f"{failures} of the Proxy's calls or runs failed")
    return 1 if failures else 0


if __name__ == "__main__":
    # What was started is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
