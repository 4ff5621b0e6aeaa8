"""What is measured."""

from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """How a scenario is measured."""

    CPU_PER_CALL = "cpu-per-call"
    MEMORY = "memory"
    SCALING = "scaling"
    #: Megabytes a second of one stream, each way.
    RATE = "rate"
    #: Processor time per call during a release, over that without one.
    RELEASE = "release"
    #: Processor time per call of a model server, with what stands before it.
    SERVED_CALL = "served-call"
    #: Resident memory of a model server after some calls.
    RESIDENT = "resident"
    #: Processor time that a model takes for a row, without a server.
    ROWS = "rows"


class Subject(Enum):
    """What is measured; by these words in tables."""

    PROXY = "proxy"
    SERVER = "server"
    LIBRARY = "library"


class Idle(Enum):
    """What the color that isn't active does, though it is taken to be healthy; to its program by these words."""

    #: It answers as the active one does.
    EQUAL = ""
    #: It answers every call otherwise.
    DIFFERING = "other"
    #: It reads calls and answers none.
    STUCK = "nothing"
    #: It accepts connections, and reads nothing after a connection's first call.
    UNREAD = "unread"
    #: It answers after `SLOW_MS`.
    SLOW = "slow"
    #: Nothing listens there.
    DEAD = "dead"

    @property
    def answers(self) -> bool:
        return self in (Idle.EQUAL, Idle.DIFFERING, Idle.SLOW)


#: Milliseconds until `Idle.SLOW` answers.
SLOW_MS = 100


@dataclass(frozen=True)
class Release:
    """A release that is under way."""

    #: As `POST /release` takes it; None for no release, though there could be one.
    step: dict[str, str] | None
    idle: Idle = Idle.EQUAL


@dataclass(frozen=True)
class Scenario:
    """One kind of load, the same for every peer.

    `goal` is the Proxy's figure over that of the best HTTP/2 peer, at most; `floor_goal` the same over HAProxy in tcp
    mode; for memory `goal` is KiB per connection or stream, for scaling the least factor, for a rate the least one, for
    a release the most that a call may cost, over that without one. Of model servers and models it is the most, in the
    scenario's own unit.
    """

    name: str
    title: str
    connections: int
    streams: int = 1
    message_bytes: int = 64
    mode: str = "load"
    kind: Kind = Kind.CPU_PER_CALL
    tls: bool = False
    access_log: bool = False
    #: Whether each call has fields that no other one has.
    varied: bool = False
    workers: int = 1
    #: The side that is far from the proxy, "client" or "backend", and the milliseconds that a byte takes there or back.
    far: str | None = None
    delay_ms: int = 0
    #: How many times longer a turn is than the others': where 10,000 calls wait for each other, one takes a while.
    pace: float = 1
    #: Held against the same without a release. Sluice's peers have nothing of the kind.
    release: Release | None = None
    #: What a model server is asked; see `calls.METHODS`. None for a proxy's echo.
    method: str | None = None
    #: Whether the Proxy stands before the model server.
    behind_proxy: bool = False
    #: The model that is evaluated without a server, by its file's name.
    model: str | None = None
    goal: float | None = None
    floor_goal: float | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def is_bulk(self) -> bool:
        """Whether bytes rather than calls make the cost: peers get the settings an expert would choose for that."""
        return self.message_bytes >= 16 * 1024

    @property
    def calls_in_flight(self) -> int:
        return self.connections * self.streams

    @property
    def subject(self) -> Subject:
        if self.model is not None:
            return Subject.LIBRARY
        return Subject.PROXY if self.method is None else Subject.SERVER

    @property
    def has_least_goal(self) -> bool:
        """Whether more is better."""
        return self.kind in (Kind.SCALING, Kind.RATE)

    @property
    def unit(self) -> str:
        if self.kind is Kind.MEMORY:
            return "KiB"
        if self.kind in (Kind.SCALING, Kind.RELEASE):
            return "x"
        if self.kind is Kind.RATE:
            return "MB/s"
        if self.kind is Kind.RESIDENT:
            return "MiB"
        if self.kind is Kind.ROWS:
            return "µs/row"
        return "ns/byte" if self.message_bytes >= 1 << 20 else "µs/call"

    def driver_arguments(self) -> list[str]:
        arguments = [
            "--mode", self.mode, "--connections", str(self.connections), "--streams", str(self.streams),
            "--bytes", str(self.message_bytes),
        ]  # fmt: skip
        flags = {"--tls": self.tls, "--varied": self.varied, "--predictions": self.release is not None}
        return arguments + [flag for flag, is_on in flags.items() if is_on]


def _release(
    name: str, title: str, step: dict[str, str] | None, idle: Idle = Idle.EQUAL,
    load: tuple[int, int] = (16, 16), **goal: float,
) -> Scenario:  # fmt: skip
    connections, streams = load
    title = f"{connections}x{streams}, {title}"
    return Scenario(name, title, connections, streams, kind=Kind.RELEASE, release=Release(step, idle), **goal)


def _served(name: str, title: str, method: str, kind: Kind = Kind.SERVED_CALL, **more: object) -> Scenario:
    return Scenario(name, f"{title}, 16x16", 16, 16, kind=kind, method=method, **more)


def _rows(model: str, title: str, goal: float, *notes: str) -> Scenario:
    return Scenario(f"model-{model}", title, 1, kind=Kind.ROWS, model=model, goal=goal, notes=notes)


_ALL = {"shadow": "100%"}
#: Where it is the time of live calls that counts: with many at a time each waits for the others' copies, too.
_LIGHT = (1, 8)


SCENARIOS = [
    Scenario("1x1", "1 connection, 1 call at a time", 1, goal=0.85, floor_goal=1.25),
    Scenario("16x16", "16 connections, 16 calls at a time on each", 16, 16, goal=0.55),
    Scenario("256x1", "256 connections, 1 call at a time on each", 256, goal=0.70, floor_goal=1.0),
    Scenario(
        "100x100", "100 connections, 100 calls at a time on each", 100, 100, goal=0.45, pace=3,
        notes=("Goal besides: p99 at most twice p50.",),
    ),
    Scenario("16k", "16 KiB messages, 10 connections, 10 calls at a time on each", 10, 10, 16 * 1024, goal=0.85),
    Scenario("1m", "1 MiB messages, 4 connections, 4 calls at a time on each", 4, 4, 1 << 20, goal=0.95),
    Scenario(
        "per-call", "one connection per call, 16 at a time", 16, mode="connection-per-call", goal=0.90,
    ),
    Scenario("tls-16x16", "TLS 1.3, 16 connections, 16 calls at a time on each", 16, 16, tls=True, goal=0.70),
    Scenario(
        "tls-per-call", "TLS 1.3, one connection per call, 16 at a time", 16, mode="connection-per-call", tls=True,
        goal=1.0,
    ),
    Scenario(
        "varied-16x16", "16x16 with a deadline and a trace's identifiers that differ in each call", 16, 16, varied=True,
    ),
    Scenario(
        "log-16x16", "16x16 with the access log written to a file", 16, 16, access_log=True,
    ),
    Scenario(
        "idle", "memory with 2,000 idle connections", 2000, mode="hold-fresh", kind=Kind.MEMORY, goal=8.0,
        notes=("SETTINGS have been exchanged; no connection has carried a call yet.",),
    ),
    Scenario(
        "idle-used", "memory with 2,000 idle connections that have carried a call", 2000, mode="hold-used",
        kind=Kind.MEMORY,
        notes=("Up to 64 of the calls were in flight at a time.",),
    ),
    Scenario(
        "open-streams", "memory with 100 x 100 open streams", 100, 100, mode="hold-streams", kind=Kind.MEMORY,
        goal=4.0, notes=("One message has gone each way in every stream; the request isn't ended.",),
    ),
    Scenario(
        "workers", "2 workers over 1", 32, 16, kind=Kind.SCALING, workers=2, goal=1.9,
    ),
    Scenario(
        "far-client", "one stream at a time of 64 MiB each way, the client 20 ms away", 1, 1, 64 << 20,
        kind=Kind.RATE, far="client", delay_ms=10, pace=6, goal=100,
    ),
    Scenario(
        "far-backend", "one stream at a time of 64 MiB each way, the upstream 20 ms away", 1, 1, 64 << 20,
        kind=Kind.RATE, far="backend", delay_ms=10, pace=6, goal=100,
    ),
    _release("shadow-0", "no release", None),
    _release("shadow-1", "1 % copied", {"shadow": "1%"}),
    _release("shadow-10", "10 % copied", {"shadow": "10%"}),
    _release("shadow-100", "all copied, all answers equal", _ALL, goal=1.7),
    _release("shadow-100-differing", "all copied, all answers differ", _ALL, Idle.DIFFERING, goal=2.3),
    _release("canary-50", "half of the calls on the new color", {"canary": "50%"}),
    _release("shadow-100-stuck", "all copied, the idle color answers nothing", _ALL, Idle.STUCK, _LIGHT),
    _release("shadow-100-unread", "all copied, the idle color reads nothing", _ALL, Idle.UNREAD, _LIGHT),
    _release("shadow-100-dead", "all copied, the idle color's port is closed", _ALL, Idle.DEAD, _LIGHT),
    _release("shadow-100-slow", f"all copied, the idle color answers after {SLOW_MS} ms", _ALL, Idle.SLOW, _LIGHT),
    _served("predict-16x16", "the iris model, prediction.v1 Predict", "predict", goal=12),
    _served("infer-16x16", "the iris model, ModelInfer of one raw FP64 row", "infer", goal=15),
    _served(
        "path-16x16", "the iris model, Predict through the Proxy", "predict", behind_proxy=True, goal=20,
        notes=("Processor time is that of both processes; before each server stands the same Proxy.",),
    ),
    _served(
        "iris-memory", "resident memory with the iris model after 5,000 calls of ModelInfer", "infer", Kind.RESIDENT,
        goal=32,
    ),
    _rows("forest", "RandomForestClassifier of 100 trees", 20, "The trees are fully grown."),
    _rows("boosting", "GradientBoostingClassifier of 100 rounds", 12),
    _rows("histogram", "HistGradientBoostingClassifier of 100 rounds", 15),
]  # fmt: skip

#: Names for several scenarios at once.
GROUPS = {
    "proxies": [scenario.name for scenario in SCENARIOS if scenario.subject is Subject.PROXY],
    "predictor": [scenario.name for scenario in SCENARIOS if scenario.subject is Subject.SERVER],
    "models": [scenario.name for scenario in SCENARIOS if scenario.subject is Subject.LIBRARY],
}


def scenario_named(name: str) -> Scenario:
    for scenario in SCENARIOS:
        if scenario.name == name:
            return scenario
    raise KeyError(name)
