"""What the edge accepts goes to strict servers, beside a witness on the same upstream connection, which never dies.

A server that ends its connection for one request ends the calls of everybody on it. So each generated request goes
through a Proxy that has one upstream connection, and after each the witness, a long call over a client's connection of
its own, has to be answered over that same upstream connection.

`SLUICE_STRICT_CASES` sets how many cases each test plays, and `SLUICE_STRICT_CASE` plays a single one by its number.
"""

import os
from dataclasses import dataclass

import pytest

from harness.hostile_client import HostileClient
from harness.raw_http2 import RawConnection, grpc_message, grpc_request
from harness.request_generator import NAMES, RequestCase
from harness.strict_servers import SERVERS, NotHere, StrictServer, connections_to

# Cases over one upstream connection: fewer than the resets that servers take of one peer.
BATCH = 120
# Kinds of faults after which a test has seen enough.
ENOUGH = 25


def case_numbers(standard: int) -> range:
    """The numbers of the cases to play."""
    if number := os.environ.get("SLUICE_STRICT_CASE"):
        return range(int(number), int(number) + 1)
    return range(int(os.environ.get("SLUICE_STRICT_CASES", standard)))


@dataclass(frozen=True)
class Death:
    """A witness that died, after the first case that it died of."""

    case: RequestCase
    traits: tuple[str, ...]
    words: str

    def __str__(self) -> str:
        return f"case {self.case.number}: {' + '.join(trait[:120] for trait in self.traits) or 'not by itself'}: {self.words}"


class Trial:
    """A Proxy with one upstream connection to a strict server, the witness on that, and a hostile client."""

    def __init__(self, server: StrictServer, start_proxy):
        self._server = server
        self.proxy = start_proxy(
            blue=server.address, green=server.address, health_check="none", access_log="off", workers=1,
            max_upstream_connections=1, reset_budget=1_000_000, control_frame_budget=1_000_000, min_ping_interval="0s",
        )
        self._hostile = HostileClient(self.proxy.address)
        self._bystander = RawConnection.connect(self.proxy.address)
        self._witness = server.witness(self.proxy.address)
        self._witness.exchange()
        self._connections = connections_to(server.port)
        assert len(self._connections) == 1, self._connections
        self.played = 0

    @property
    def outcomes(self):
        return self._hostile.outcomes

    def play(self, case: RequestCase) -> str | None:
        """Plays a case; says how the witness died, if it did."""
        self._hostile.play(case)
        self.played += 1
        return self.check(thoroughly=self._server.is_seen_late or self.played % 20 == 0)

    def check(self, *, thoroughly: bool = True) -> str | None:
        try:
            self._witness.exchange()
            if thoroughly:
                self._call()
                assert connections_to(self._server.port) == self._connections, "the upstream connection is another one"
        except AssertionError as error:
            return str(error).partition("\n")[0]
        return None

    def _call(self) -> None:
        """An ordinary call over a connection of its own."""
        stream = self._bystander.open(grpc_request(self._server.paths[0])).send_data(grpc_message(b""), end_stream=True)
        assert stream.wait_finish().ended, stream

    def close(self) -> None:
        self._hostile.close()
        self._witness.close()
        self._bystander.close()
        self.proxy.kill()


class Survey:
    """Plays cases to one server, and finds what each death of a witness was of."""

    def __init__(self, start_server, start_proxy):
        self._start_server, self._start_proxy = start_server, start_proxy
        self.server: StrictServer = start_server()
        self._trial: Trial | None = None
        self.deaths: list[Death] = []
        self.exchanges = 0
        self.outcomes: dict[str, int] = {}

    def play(self, numbers: range) -> None:
        for number in numbers:
            case = RequestCase.of(number, self.server.paths)
            if any(set(death.traits) <= set(case.traits) for death in self.deaths):
                continue
            if self._trial is not None and self._trial.played >= BATCH:
                self._end()
            words = self._current().play(case)
            if words is not None:
                self._end()
                self.deaths.append(self._explain(case, words))
                if len(self.deaths) >= ENOUGH:
                    break
        if self._trial is not None and (words := self._trial.check()) is not None:
            self.deaths.append(Death(case, (), words))
        self._end()

    def _current(self) -> Trial:
        if self._trial is None:
            self._trial = self._new()
        return self._trial

    def _new(self) -> Trial:
        if not self.server.lives:
            self.server = self._start_server()
        return Trial(self.server, self._start_proxy)

    def _end(self) -> None:
        if self._trial is None:
            return
        for outcome, count in self._trial.outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count
        self._trial.close()
        self._trial = None

    def _explain(self, case: RequestCase, words: str) -> Death:
        """Finds the fewest traits that a witness dies of, each tried in front of a new Proxy."""
        reason = self._reason()
        for traits in [*((trait,) for trait in case.traits), case.traits]:
            trial = self._new()
            try:
                if trial.play(case.only(*traits)) is not None or trial.check() is not None:
                    return Death(case, traits, reason or words)
            finally:
                trial.close()
        return Death(case, (), f"{case}: {reason or words}")

    def _reason(self) -> str | None:
        """What the server says, if it does."""
        if not self.server.lives:
            return f"the server itself has ended ({self.server.process.popen.returncode})"
        return next(reversed(self.server.reasons()), None)


@pytest.fixture(params=SERVERS, ids=lambda server: server.name)
def start_server(request):
    """Starts a strict server of one kind."""

    def start() -> StrictServer:
        try:
            made = request.param()
        except NotHere as missing:
            pytest.skip(f"{request.param.name} can't be had here: {missing}")
        request.addfinalizer(made.close)
        return made

    return start


@pytest.mark.timeout(3600)
def test_no_request_ends_the_witness(start_server, start_proxy):
    numbers = case_numbers(len(NAMES) + 40)
    survey = Survey(start_server, start_proxy)
    survey.play(numbers)
    answered = sum(count for outcome, count in survey.outcomes.items() if outcome.startswith("status"))
    print(f"\n{survey.server.name}: {len(numbers)} cases; {dict(sorted(survey.outcomes.items(), key=lambda one: -one[1]))}")
    if survey.deaths:
        pytest.fail("\n".join([f"{len(survey.deaths)} deaths at {survey.server.name}:", *map(str, survey.deaths)]), False)
    assert len(numbers) == 1 or answered > len(numbers) / 4, "most of it never came through: this tests nothing"
