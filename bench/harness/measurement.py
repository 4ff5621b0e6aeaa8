"""Measurements: proxies under one load."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from .calls import METHODS, Answer, questions
from .driver import Distance, Driver, EchoBackend, Listener, LoadError
from .peers import PROXY, Peer, Places
from .processes import Program, resident_kib
from .releases import COMPARING_THREAD, ReleaseUnderWay, start_idle_color
from .scenarios import Kind, Scenario

PROXY_PORT = 50050
PROXY_CORE = "0"
LOAD_CORE = "1"
BOTH_CORES = "0-1"
#: Where a model server behind the Proxy listens, counted from the Proxy's own port.
BEHIND = 7
#: Calls before a model server's memory is read.
CALLS_BEFORE_MEMORY = 5000


@dataclass(frozen=True)
class Timing:
    """Seconds of one run or turn, and how long a proxy may take to answer its first call."""

    warm_up: float
    counted: float
    start: float = 20.0


def wait_until_it_answers(
    program: Program, driver: Driver, arguments: list[str], timing: Timing, port: int = PROXY_PORT
) -> None:
    """Returns once the driver's calls with these arguments, few enough for a start, are answered right."""
    deadline = time.monotonic() + timing.start
    while True:
        if program.has_ended:
            raise LoadError(f"ended at once: {program.last_words()}")
        result = driver.run(port, arguments, {}, 60)
        if sum(result["failures"].values()) == 0:
            return
        if time.monotonic() > deadline:
            raise LoadError(f"answers no call within {timing.start:.0f} s: {program.last_words()}")
        time.sleep(0.1)


def first_calls(scenario: Scenario, folder: Path, repository: Path) -> list[str]:
    """The driver's arguments for what a peer shall answer before it is loaded.

    That is one call, or all that it will be asked, whose answers go to the folder.
    """
    if scenario.method is None:
        return ["--requests", "1"] + (["--tls"] if scenario.tls else [])
    asked = folder / "questions"
    questions(repository).write(METHODS[scenario.method], asked)
    return ["--calls", str(asked), "--record", str(folder / "calls")]


def load_arguments(scenario: Scenario, folder: Path) -> list[str]:
    """The driver's arguments for the scenario's load, after `first_calls` in that folder."""
    calls = [] if scenario.method is None else ["--calls", str(folder / "calls")]
    return scenario.driver_arguments() + calls


class Contender:
    """A peer with a backend of its own, or a model server that needs none, started and answering."""

    def __init__(
        self,
        peer: Peer,
        places: Places,
        scenario: Scenario,
        port: int = PROXY_PORT,
        workers: int = 1,
        cores: tuple[str, str] = (PROXY_CORE, LOAD_CORE),
    ) -> None:
        """`cores` are the peer's and the load's. Raises `LoadError` or `Unavailable`."""
        self.peer = peer
        self.port = port
        self._scenario = scenario
        self._arguments = load_arguments(scenario, places.run)
        #: Of a model server, to the questions in their order.
        self.answers: list[Answer] = []
        self.driver = Driver(places.tools, cores[1])
        places.run.mkdir(parents=True, exist_ok=True)
        self._programs: list[Program] = []
        self._listeners: list[Listener] = []
        self._release: ReleaseUnderWay | None = None
        try:
            if scenario.release:
                self._listeners += start_idle_color(places, scenario.release.idle, cores[1], port)
            backend = port + BEHIND if scenario.method else self._echo(places, cores)
            if scenario.far == "backend":
                backend = self._distance(places, cores, backend)
            own = backend if scenario.behind_proxy else port
            self.program = peer.start(places, scenario, workers, own, backend, cores[0])
            self._programs.append(self.program)
            if scenario.behind_proxy:
                front = Places(places.repository, places.bench, places.run / "front")
                self._programs.append(PROXY.start(front, scenario, workers, port, backend, cores[0]))
            first = first_calls(scenario, places.run, places.repository)
            wait_until_it_answers(self.program, self.driver, first, Timing(0, 0), port)
            if scenario.method:
                asked = questions(places.repository)
                self.answers = asked.read_answers(METHODS[scenario.method], places.run / "calls")
            if scenario.far == "client":
                self.port = self._distance(places, cores, port)
            if scenario.release:
                self._release = ReleaseUnderWay(scenario.release, self.program, port)
        except BaseException:
            self.stop()
            raise

    def _echo(self, places: Places, cores: tuple[str, str]) -> int:
        echo = EchoBackend(places.tools, places.run, cores[1])
        self._listeners.append(echo)
        return echo.port

    def _distance(self, places: Places, cores: tuple[str, str], port: int) -> int:
        distance = Distance(places.tools, places.run, cores[1], port, self._scenario.delay_ms)
        self._listeners.append(distance)
        return distance.port

    def processes(self) -> list[int]:
        """Those of what is measured."""
        return [process for program in self._programs for process in program.processes()]

    def run(self, timing: Timing) -> dict:
        """Loads it for once. Raises `LoadError`."""
        scenario = self._scenario
        warm_up, counted = timing.warm_up * scenario.pace, timing.counted * scenario.pace
        arguments = [*self._arguments, "--warm-up", str(warm_up), "--seconds", str(counted)]
        behind = [process for listener in self._listeners for process in listener.processes()]
        accounts = {"proxy": self.processes()} | ({"backend": behind} if behind else {})
        before = self._release.read() if self._release else None
        result = self.driver.run(self.port, arguments, accounts, warm_up + counted + 60)
        calls, seconds = result["calls"], result["seconds"]
        if calls == 0:
            raise LoadError(f"no call was answered: {result['failures']}; {self.program.last_words()}")
        cpu = {name: account["ns"] for name, account in result["cpu"].items()}
        threads = [thread["ns"] for thread in result["cpu"]["proxy"]["threads"]]
        copies: dict[str, float] = {}
        proxy_us = cpu["proxy"] / calls / 1000
        if self._release:
            # The comparisons are made when there is time, also after the last call: their time is taken of all of them.
            copies = self._release.figures(before, self._release.settle())
            meanwhile = sum(t["ns"] for t in result["cpu"]["proxy"]["threads"] if t["name"] == COMPARING_THREAD)
            proxy_us += copies["comparing_us_per_call"] - meanwhile / calls / 1000
        busy = sum(core["busy_ns"] for core in result["cores"])
        stolen = sum(core["stolen_ns"] for core in result["cores"])
        return {
            "calls": calls,
            "failures": {name: count for name, count in result["failures"].items() if count > 0},
            "reconnects": result["reconnects"],
            "calls_per_second": calls / seconds,
            "cpu_us_per_call": proxy_us,
            **copies,
            "megabytes_per_second": calls * scenario.message_bytes / seconds / 1e6,
            "cpu_ns_per_byte": cpu["proxy"] / calls / scenario.message_bytes,
            "busiest_thread_us_per_call": max(threads) / calls / 1000,
            "load_us_per_call": (cpu["driver"] + cpu.get("backend", 0)) / calls / 1000,
            "proxy_cores": cpu["proxy"] / seconds / 1e9,
            # What neither the proxy nor the load used, in cores: others' work and what the hypervisor took.
            "foreign_cores": max(0.0, busy - sum(cpu.values())) / seconds / 1e9,
            "stolen_cores": stolen / seconds / 1e9,
            "latency_us": result["latency_us"],
        }

    def stop(self) -> None:
        for program in self._programs:
            program.stop()
        for listener in self._listeners:
            listener.stop()


def in_turns(contenders: list[Contender], timing: Timing, turns: int) -> list[list[dict] | LoadError]:
    """Loads each for `turns` short turns, in an order drawn anew every time: what the machine does meanwhile meets all
    alike. The result is each one's turns, or why one of them failed."""
    results: list[list[dict] | LoadError] = [[] for _ in contenders]
    for _ in range(turns):
        for index in random.sample(range(len(contenders)), len(contenders)):
            own = results[index]
            if isinstance(own, LoadError):
                continue
            try:
                own.append(contenders[index].run(timing))
            except LoadError as error:
                results[index] = error
    return results


def combined(turns: list[dict]) -> dict:
    """One run's figures of those of its turns: medians, and the most of others' load.

    Medians, because what a hypervisor takes away in the middle of a turn counts as the time of whoever was running.
    """
    failures: dict[str, int] = {}
    for turn in turns:
        for name, count in turn["failures"].items():
            failures[name] = failures.get(name, 0) + count
    totals = ("calls", "reconnects")
    worst = ("foreign_cores", "stolen_cores")
    others = [name for name in turns[0] if name not in ("failures", "latency_us", *totals, *worst)]
    return {
        "failures": failures,
        **{name: sum(turn[name] for turn in turns) for name in totals},
        **{name: median(turn[name] for turn in turns) for name in others},
        **{name: max(turn[name] for turn in turns) for name in worst},
        "latency_us": {name: median(turn["latency_us"][name] for turn in turns) for name in turns[0]["latency_us"]},
    }


def measure(peer: Peer, places: Places, scenario: Scenario, timing: Timing, turns: int) -> dict:
    """Memory, what more workers bring, or what a release costs, of one peer. Raises `LoadError` or `Unavailable`."""
    if scenario.kind is Kind.SCALING:
        return _measure_scaling(peer, places, scenario, timing, turns)
    if scenario.kind is Kind.RELEASE:
        return _measure_release(peer, places, scenario, timing, turns)
    contender = Contender(peer, places, scenario)
    try:
        if scenario.kind is Kind.RESIDENT:
            return _measure_resident(contender, scenario, places)
        return _measure_memory(contender.program, contender.driver, scenario)
    finally:
        contender.stop()


def _measure_resident(contender: Contender, scenario: Scenario, places: Places) -> dict:
    arguments = [*load_arguments(scenario, places.run), "--requests", str(CALLS_BEFORE_MEMORY)]
    result = contender.driver.run(contender.port, arguments, {}, 120)
    time.sleep(1)
    failures = {name: count for name, count in result["failures"].items() if count > 0}
    return {"mib": resident_kib(contender.processes()) / 1024, "failures": failures}


def _measure_memory(program: Program, driver: Driver, scenario: Scenario) -> dict:
    # What any proxy allocates once, it shall have before the first reading.
    driver.run(PROXY_PORT, ["--connections", "4", "--streams", "4", "--requests", "2000"], {}, 60)
    time.sleep(1)
    before = resident_kib(program.processes())
    held = driver.hold(PROXY_PORT, scenario.driver_arguments())
    try:
        time.sleep(2)
        after = resident_kib(program.processes())
        result = held.release()
    finally:
        held.abort()
    places = scenario.calls_in_flight
    failures = {name: count for name, count in result["failures"].items() if count > 0}
    return {
        "kib_before": before,
        "kib_after": after,
        "kib_each": (after - before) / places,
        "failures": failures,
    }


def _measure_scaling(peer: Peer, places: Places, scenario: Scenario, timing: Timing, turns: int) -> dict:
    """The same load on one worker and on more, all on the same two cores.

    Two cores can't keep two workers and the load busy at once, so the factor is not of calls per second: it is what
    the busiest thread of the proxy spends on a call, with one worker over with more. Workers that share the work evenly
    at no cost reach their number.
    """

    def contender(places: Places, port: int, workers: int) -> Contender:
        return Contender(peer, places, scenario, port, workers, (BOTH_CORES, BOTH_CORES))

    pair = _side_by_side(places, contender, (1, scenario.workers), timing, turns)
    return {"factor": pair["one"]["busiest_thread_us_per_call"] / pair["more"]["busiest_thread_us_per_call"], **pair}


def _measure_release(peer: Peer, places: Places, scenario: Scenario, timing: Timing, turns: int) -> dict:
    """The same load without a release and with one."""

    def contender(places: Places, port: int, step: dict[str, str] | None) -> Contender:
        return Contender(peer, places, replace(scenario, release=replace(scenario.release, step=step)), port)

    pair = _side_by_side(places, contender, (None, scenario.release.step), timing, turns)
    return {"factor": pair["more"]["cpu_us_per_call"] / pair["one"]["cpu_us_per_call"], **pair}


def _side_by_side(
    places: Places, contender: Callable[[Places, int, object], Contender], options: tuple, timing: Timing, turns: int
) -> dict:
    """Two contenders, one for each option, loaded in turns."""
    contenders: list[Contender] = []
    try:
        for index, option in enumerate(options):
            own = Places(places.repository, places.bench, places.run / str(index))
            contenders.append(contender(own, PROXY_PORT + index, option))
        runs = in_turns(contenders, timing, turns)
    finally:
        for contender in contenders:
            contender.stop()
    for run in runs:
        if isinstance(run, LoadError):
            raise run
    one, more = (combined(run) for run in runs)
    failures = dict(one["failures"])
    for name, count in more["failures"].items():
        failures[name] = failures.get(name, 0) + count
    return {
        "one": one,
        "more": more,
        "failures": failures,
        "foreign_cores": max(one["foreign_cores"], more["foreign_cores"]),
    }
