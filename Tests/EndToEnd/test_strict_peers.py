"""Generated messages that the Proxy accepts go to strict peers, beside a witness on the same connection, which must
never die.

A server that ends its connection because of one request ends everybody's calls on it, and a client that ends its own
because of one response ends all of its process's calls. So generated requests go through a Proxy that has one
connection to a strict server, and generated responses go to a strict client's one connection. After each, a long
call on the same connection has to be answered.

`SLUICE_STRICT_CASES` sets how many cases each test plays, and `SLUICE_STRICT_CASE` plays a single one by its number.
"""

from collections import Counter

import pytest

from harness import request_generator, response_generator
from harness.hostile_backend import ResponseBackend
from harness.hostile_client import HostileClient
from harness.raw_http2 import RawConnection, grpc_message, grpc_request
from harness.request_generator import RequestCase
from harness.response_generator import ResponseCase
from harness.strict_clients import CLIENTS, ELSEWHERE, StrictClient
from harness.strict_programs import NotHere
from harness.strict_servers import SERVERS, StrictServer, connections_to
from harness.survey import Survey, case_numbers

# Cases for each upstream connection: fewer than the resets that servers take from one peer.
BATCH = 120
# Cases in addition to those with a single trait.
MORE = 100
UNAVAILABLE = b"14"
# One connection to the upstream, and budgets that end nothing.
SETTINGS = {
    "health_check": "none", "access_log": "off", "workers": 1, "max_upstream_connections": 1,
    "reset_budget": 1_000_000, "control_frame_budget": 1_000_000, "min_ping_interval": "0s",
    "upstream_resets": 1_000_000, "trusted_peers": "127.0.0.0/8",
}


class ServerTrial:
    """A Proxy with one connection to a strict server, the witness on that connection, and a hostile client."""

    def __init__(self, server: StrictServer, start_proxy):
        self._server = server
        self._proxy = start_proxy(blue=server.address, green=server.address, **SETTINGS)
        self._hostile = HostileClient(self._proxy.address)
        self._other = RawConnection.connect(self._proxy.address)
        self._witness = server.witness(self._proxy.address)
        self._witness.exchange()
        self._connections = connections_to(server.port)
        assert len(self._connections) == 1, self._connections
        self._played = 0
        self.is_worn = False

    @property
    def outcomes(self) -> Counter[str]:
        return self._hostile.outcomes

    def play(self, case: RequestCase) -> str | None:
        self._hostile.play(case)
        self._played += 1
        return self.check(counts=self._server.is_seen_late or self._played % 20 == 0)

    def check(self, *, counts: bool = True) -> str | None:
        """Says how the witness died, or that others' calls fail; `counts` also checks the number of connections."""
        try:
            self._witness.exchange()
            self._call()
            if counts:
                assert connections_to(self._server.port) == self._connections, "the upstream connection is another one"
        except AssertionError as error:
            return str(error).partition("\n")[0]
        return None

    def _call(self) -> None:
        """Makes an ordinary call on its own client connection."""
        stream = self._other.open(grpc_request(self._server.paths[0])).send_data(grpc_message(b""), end_stream=True)
        assert stream.wait_finish(5).ended and stream.grpc_status != UNAVAILABLE, stream

    def close(self) -> None:
        self._hostile.close()
        self._witness.close()
        self._other.close()
        self._proxy.kill()


class ClientTrial:
    """A Proxy between a strict client, whose witness shares its one connection with all of its calls, and a backend
    that answers those calls as it is told to, over one upstream connection."""

    def __init__(self, make_client, start_proxy):
        self._backend = ResponseBackend()
        self._proxy = start_proxy(blue=self._backend.address, green=self._backend.address, **SETTINGS)
        self._client: StrictClient = make_client(self._proxy.address)
        self._client.exchange()
        self.outcomes: Counter[str] = Counter()
        self.is_worn = False

    def play(self, case: ResponseCase) -> str | None:
        self._backend.case = case
        try:
            outcome = self._client.call()
            self.outcomes[outcome] += 1
            self.is_worn = outcome == ELSEWHERE
        except AssertionError as error:
            return str(error).partition("\n")[0]
        return self.check()

    def check(self) -> str | None:
        try:
            self._client.exchange()
            assert self._backend.accepted == 1, "the upstream connection is another one"
        except AssertionError as error:
            return str(error).partition("\n")[0]
        return None

    def close(self) -> None:
        self._client.close()
        self._backend.close()
        self._proxy.kill()


def conclude(request, name: str, numbers: range, survey: Survey, answered: int) -> None:
    """Reports the cases played, and fails if a witness died."""
    print(f"\n{name}: {len(numbers)} cases: {dict(survey.outcomes.most_common())}")
    if survey.deaths:
        # The output of dozens of Proxies would fill pages.
        request.node.processes.clear()
        pytest.fail("\n".join([f"{name}: {len(survey.deaths)} deaths", *map(str, survey.deaths)]), pytrace=False)
    assert len(numbers) == 1 or answered > len(numbers) / 4, "most of it never came through: this tests nothing"


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
def test_no_request_ends_the_witness(request, start_server, start_proxy):
    server = start_server()

    def trial() -> ServerTrial:
        nonlocal server
        try:
            if server.lives:
                return ServerTrial(server, start_proxy)
        except AssertionError:
            # The server may have been about to end.
            if server.lives:
                raise
        server = start_server()
        return ServerTrial(server, start_proxy)

    def reason() -> str | None:
        return server.reason if server.lives else "the server itself has ended"

    numbers = case_numbers(len(request_generator.NAMES) + MORE)
    survey = Survey(lambda number: RequestCase.of(number, server.paths), trial, batch=BATCH, reason=reason)
    survey.play(numbers)
    answered = sum(count for outcome, count in survey.outcomes.items() if outcome.startswith("status"))
    conclude(request, server.name, numbers, survey, answered)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_no_response_ends_the_witness(request, client, start_proxy):
    def trial() -> ClientTrial:
        try:
            return ClientTrial(client, start_proxy)
        except NotHere as missing:
            pytest.skip(f"{client.name} can't be had here: {missing}")

    numbers = case_numbers(len(response_generator.NAMES) + MORE)
    survey = Survey(ResponseCase.of, trial, batch=BATCH, reason=lambda: None)
    survey.play(numbers)
    conclude(request, client.name, numbers, survey, sum(survey.outcomes.values()))
