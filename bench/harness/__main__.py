"""The benchmark's command line; scripts/bench.sh brings together what it needs and calls it."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from . import machine, report, rows
from .calls import disagreement
from .driver import LoadError
from .measurement import PROXY_PORT, Contender, Timing, combined, in_turns, measure
from .peers import EXPERIMENTS, PEERS, PROXY, Peer, Places, Unavailable
from .results import Results, figure_of
from .rows import LIBRARIES, Evaluator
from .scenarios import GROUPS, SCENARIOS, Kind, Scenario, Subject, scenario_named
from .servers import SERVERS

#: What takes part unless others are named.
ALL = PEERS + SERVERS + LIBRARIES
#: Measured in turns, all peers standing at the same time.
IN_TURNS = (Kind.CPU_PER_CALL, Kind.RATE, Kind.SERVED_CALL, Kind.ROWS)


def _note(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _scenario_names(text: str) -> list[str]:
    """Names, those of groups replaced by their scenarios'."""
    return [scenario for name in _names(text) for scenario in GROUPS.get(name, [name])]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench.sh", description="Measures the Proxy and the Predictor beside peers."
    )
    scenarios = ", ".join(scenario.name for scenario in SCENARIOS)
    known_peers = list(dict.fromkeys(peer.name for peer in ALL))
    parser.add_argument(
        "--scenarios", type=_scenario_names, help=f"all by default: {scenarios}; or groups of them: {', '.join(GROUPS)}"
    )
    parser.add_argument("--peers", type=_names, help=f"all by default: {', '.join(known_peers)}")
    parser.add_argument("--rounds", type=int, help="5 by default")
    parser.add_argument("--turns", type=int, help="of each peer in each round; 4 by default")
    parser.add_argument("--seconds", type=float, help="counted in each turn; 1 by default")
    parser.add_argument("--warm-up", type=float, help="seconds before that; 0.5 by default")
    parser.add_argument("--quick", action="store_true", help="1 round of 1 turn; the document isn't touched")
    parser.add_argument("--no-document", action="store_true", help="print the tables only, don't touch the document")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the document's tables anew")
    parser.add_argument("--subjects", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--repository", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--bench", type=Path, required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    known = {scenario.name for scenario in SCENARIOS}
    for name in arguments.scenarios or []:
        if name not in known:
            parser.error(f"no scenario {name}; there are {scenarios}")
    names = known_peers + [peer.name for peer in EXPERIMENTS]
    for name in arguments.peers or []:
        if name not in names:
            parser.error(f"no peer {name}; there are {', '.join(names)}")
    return arguments


class Benchmark:
    """The runs of one call of the script."""

    def __init__(
        self, places: Places, peers: list[Peer], rounds: int, turns: int, timing: Timing, results: Results
    ) -> None:
        self._places = places
        self._peers = peers
        self._rounds = rounds
        self._turns = turns
        self._timing = timing
        self._results = results
        #: Of what is measured, under the Proxy's name: those of its peers are in the tables, and no reason to fail.
        self.failures = 0

    def run(self, scenario: Scenario) -> None:
        """All rounds of one scenario. In each round every peer is started afresh."""
        # Memory hardly varies, and takes longer to measure.
        rounds = min(self._rounds, 2) if scenario.kind is Kind.MEMORY else self._rounds
        description = machine.describe(self._places.repository)
        how = {"rounds": rounds, "turns": self._turns, "seconds": self._timing.counted * scenario.pace}
        self._results.begin(scenario, description | how)
        peers = [peer for peer in self._peers if peer.takes_part(scenario)]
        present = [peer for peer in peers if self._announce(scenario, peer)]
        for round_number in range(1, rounds + 1):
            title = f"{scenario.name} {round_number}/{rounds}"
            with tempfile.TemporaryDirectory(prefix="bench-", dir=self._places.bench) as folder:
                if scenario.kind in IN_TURNS:
                    present = self._run_in_turns(scenario, present, Path(folder), title)
                else:
                    present = [peer for peer in present if self._run_alone(scenario, peer, Path(folder), title)]
            self._results.save()

    def _run_in_turns(self, scenario: Scenario, peers: list[Peer], folder: Path, title: str) -> list[Peer]:
        """One round, all peers standing at the same time. Returns those that can take part in this scenario."""
        present = []
        contenders: list[Contender | Evaluator] = []
        try:
            for index, peer in enumerate(peers):
                try:
                    contenders.append(self._start(scenario, peer, folder, PROXY_PORT + index))
                except Unavailable as reason:
                    self._skip(scenario, peer, reason)
                    continue
                except LoadError as error:
                    self._fail(scenario, peer, error, title)
                present.append(peer)
            self._reject(scenario, contenders, title)
            results = in_turns(contenders, self._timing, self._turns)
        finally:
            for contender in contenders:
                contender.stop()
        for contender, result in zip(contenders, results, strict=True):
            if isinstance(result, LoadError):
                self._fail(scenario, contender.peer, result, title)
            else:
                self._add(scenario, contender.peer, combined(result), title)
        return present

    def _start(self, scenario: Scenario, peer: Peer, folder: Path, port: int) -> Contender | Evaluator:
        places = self._places_of(peer, folder)
        if scenario.subject is Subject.LIBRARY:
            return Evaluator(peer, places, scenario)
        return Contender(peer, places, scenario, port)

    def _reject(self, scenario: Scenario, contenders: list[Contender | Evaluator], title: str) -> None:
        """Stops those whose answers differ from scikit-learn's, as far as it stands beside them."""
        faults: dict[Contender | Evaluator, str | None] = {}
        if scenario.subject is Subject.LIBRARY:
            references = [one for one in contenders if one.peer.name == rows.REFERENCE]
            faults = {one: rows.fault(one, references[0]) for one in contenders if references}
        elif scenario.subject is Subject.SERVER:
            references = [one for one in contenders if one.peer.name != PROXY.name]
            faults = {one: disagreement(one.answers, references[0].answers) for one in contenders if references}
        for contender, fault in faults.items():
            if fault is not None:
                contender.stop()
                contenders.remove(contender)
                self._fail(scenario, contender.peer, LoadError(fault), title)

    def _run_alone(self, scenario: Scenario, peer: Peer, folder: Path, title: str) -> bool:
        """False if the peer can't take part in this scenario at all."""
        try:
            run = measure(peer, self._places_of(peer, folder), scenario, self._timing, self._turns)
        except Unavailable as reason:
            self._skip(scenario, peer, reason)
            return False
        except LoadError as error:
            self._fail(scenario, peer, error, title)
            return True
        self._add(scenario, peer, run, title)
        return True

    def _places_of(self, peer: Peer, folder: Path) -> Places:
        return Places(self._places.repository, self._places.bench, folder / peer.name)

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

    def _fail(self, scenario: Scenario, peer: Peer, error: LoadError, title: str) -> None:
        _note(f"{title} {peer.name}: FAILED: {error}")
        self._results.add_error(scenario, peer.name, str(error))
        if peer.name == PROXY.name:
            self.failures += 1

    def _add(self, scenario: Scenario, peer: Peer, run: dict, title: str) -> None:
        failed = sum(run["failures"].values())
        if peer.name == PROXY.name:
            self.failures += failed
        detail = f" FAILURES {run['failures']}" if failed else ""
        foreign = f", foreign load {100 * run['foreign_cores']:.0f} %" if "foreign_cores" in run else ""
        if scenario.kind is Kind.ROWS:
            foreign = f", {run['batch_us_per_row']:.3f} of many"
        _note(f"{title} {peer.name}: {figure_of(scenario, run):.3f} {scenario.unit}{foreign}{detail}")
        self._results.add_run(scenario, peer.name, run)


def main() -> int:
    arguments = _arguments()
    if arguments.subjects:
        chosen = [scenario_named(name) for name in arguments.scenarios] if arguments.scenarios else SCENARIOS
        print(*dict.fromkeys(scenario.subject.value for scenario in chosen))
        return 0
    keeps = not (arguments.quick or arguments.no_document)
    path = arguments.repository / "bench/results.json" if keeps else arguments.bench / "results.json"
    results = Results(path)
    document = arguments.repository / "docs/BENCHMARKS.md"
    failures = 0
    chosen = [scenario_named(name) for name in arguments.scenarios] if arguments.scenarios else SCENARIOS
    if not arguments.report:
        peers = ALL
        if arguments.peers is not None:
            peers = [peer for peer in ALL + EXPERIMENTS if peer.name in arguments.peers]
        rounds = arguments.rounds or (1 if arguments.quick else 5)
        timing = Timing(
            warm_up=arguments.warm_up if arguments.warm_up is not None else 0.5,
            counted=arguments.seconds or 1.0,
        )
        turns = arguments.turns or (1 if arguments.quick else 4)
        places = Places(arguments.repository, arguments.bench, arguments.bench)
        benchmark = Benchmark(places, peers, rounds, turns, timing, results)
        for scenario in chosen:
            benchmark.run(scenario)
        failures = benchmark.failures
    if keeps:
        report.write_into(document, report.tables(results))
        _note(f"wrote {path} and {document}")
    else:
        print("\n\n".join(report.sections(chosen, results)))
    if failures:
        _note(f"{failures} of Sluice's calls or runs failed")
    return 1 if failures else 0


if __name__ == "__main__":
    # What was started is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
