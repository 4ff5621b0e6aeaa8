"""One measurement: one proxy under one load."""

import time
from dataclasses import dataclass

from .driver import Driver, EchoBackend, LoadError
from .peers import Peer, Places
from .processes import Program, resident_kib
from .scenarios import Kind, Scenario

PROXY_PORT = 50050
PROXY_CORE = "0"
LOAD_CORE = "1"
BOTH_CORES = "0-1"


@dataclass(frozen=True)
class Timing:
    """Seconds of one run, and how long a proxy may take to answer its first call."""

    warm_up: float
    counted: float
    start: float = 20.0


def wait_until_it_answers(program: Program, driver: Driver, scenario: Scenario, timing: Timing) -> None:
    """Returns once a first call is answered right, and once again after a moment."""
    arguments = ["--requests", "1"] + (["--tls"] if scenario.tls else [])
    deadline = time.monotonic() + timing.start
    while True:
        if program.has_ended:
            raise LoadError(f"ended at once: {program.last_words()}")
        result = driver.run(PROXY_PORT, arguments, {}, 60)
        if sum(result["failures"].values()) == 0:
            return
        if time.monotonic() > deadline:
            raise LoadError(f"answers no call within {timing.start:.0f} s: {program.last_words()}")
        time.sleep(0.1)


def measure(peer: Peer, places: Places, scenario: Scenario, timing: Timing) -> dict:
    """Starts the peer, measures it, ends it. Raises `LoadError` or `Unavailable`."""
    if scenario.kind is Kind.SCALING:
        return _measure_scaling(peer, places, scenario, timing)
    backend = EchoBackend(places.tools, places.bench, LOAD_CORE)
    try:
        program = peer.start(places, scenario, scenario.workers, PROXY_PORT, backend.port, PROXY_CORE)
        try:
            driver = Driver(places.tools, LOAD_CORE)
            wait_until_it_answers(program, driver, scenario, timing)
            if scenario.kind is Kind.MEMORY:
                return _measure_memory(program, driver, scenario)
            return _measure_load(program, backend, driver, scenario, timing)
        finally:
            program.stop()
    finally:
        backend.stop()


def _measure_load(program: Program, backend: EchoBackend, driver: Driver, scenario: Scenario, timing: Timing) -> dict:
    warm_up = timing.warm_up * scenario.warm_up_factor
    arguments = [*scenario.driver_arguments(), "--warm-up", str(warm_up), "--seconds", str(timing.counted)]
    accounts = {"proxy": program.processes(), "backend": backend.processes()}
    result = driver.run(PROXY_PORT, arguments, accounts, warm_up + timing.counted + 60)
    calls, seconds = result["calls"], result["seconds"]
    if calls == 0:
        raise LoadError(f"no call was answered: {result['failures']}; {program.last_words()}")
    cpu = {name: account["ns"] for name, account in result["cpu"].items()}
    threads = sorted((thread["ns"] for thread in result["cpu"]["proxy"]["threads"]), reverse=True)
    busy = sum(core["busy_ns"] for core in result["cores"])
    stolen = sum(core["stolen_ns"] for core in result["cores"])
    return {
        "calls": calls,
        "failures": {name: count for name, count in result["failures"].items() if count > 0},
        "reconnects": result["reconnects"],
        "calls_per_second": calls / seconds,
        "cpu_us_per_call": cpu["proxy"] / calls / 1000,
        "cpu_ns_per_byte": cpu["proxy"] / calls / scenario.message_bytes,
        "busiest_thread_us_per_call": threads[0] / calls / 1000,
        "load_us_per_call": (cpu["driver"] + cpu["backend"]) / calls / 1000,
        "proxy_cores": cpu["proxy"] / seconds / 1e9,
        # What neither the proxy nor the load used, in cores: others' work and what the hypervisor took.
        "foreign_cores": max(0.0, busy - sum(cpu.values())) / seconds / 1e9,
        "stolen_cores": stolen / seconds / 1e9,
        "latency_us": result["latency_us"],
    }


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


def _measure_scaling(peer: Peer, places: Places, scenario: Scenario, timing: Timing) -> dict:
    """The same load on one worker and on two, all on the same two cores.

    Two cores can't keep two workers and the load busy at once, so the factor is not of calls per second: it is what
    the busiest thread of the proxy spends on a call, with one worker over with two. Workers that share the work evenly
    at no cost reach 2.
    """
    runs = {}
    for workers in (1, scenario.workers):
        backend = EchoBackend(places.tools, places.bench, BOTH_CORES)
        try:
            program = peer.start(places, scenario, workers, PROXY_PORT, backend.port, BOTH_CORES)
            try:
                driver = Driver(places.tools, BOTH_CORES)
                wait_until_it_answers(program, driver, scenario, timing)
                runs[workers] = _measure_load(program, backend, driver, scenario, timing)
            finally:
                program.stop()
        finally:
            backend.stop()
    one, more = runs[1], runs[scenario.workers]
    failures: dict[str, int] = {}
    for run in runs.values():
        for name, count in run["failures"].items():
            failures[name] = failures.get(name, 0) + count
    return {
        "factor": one["busiest_thread_us_per_call"] / more["busiest_thread_us_per_call"],
        "one": one,
        "more": more,
        "failures": failures,
        "foreign_cores": max(one["foreign_cores"], more["foreign_cores"]),
    }
