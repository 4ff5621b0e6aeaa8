"""Clients that are strict about what they receive, each with one connection and a witness on it.

`call()` makes one call to `CALL` and says how it ended; `exchange()` sends a message on the witness's call to `ECHO`
and waits for its echo. Both raise an `AssertionError` if the connection has ended.
"""

import contextlib
import json
import queue

import grpc
import h2.exceptions

from harness.hostile_backend import CALL, ECHO
from harness.process import ManagedProcess
from harness.raw_http2 import CANCEL, RawConnection, grpc_message, grpc_request
from harness.strict_programs import go_program

# Outcome of a call that the client would have made on another connection than the witness's.
ELSEWHERE = "elsewhere"
# Seconds to wait for an answer; some never come.
PATIENCE = 0.1


class StrictClient:
    name = ""

    def call(self) -> str:
        raise NotImplementedError

    def exchange(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class HyperH2(StrictClient):
    """hyper-h2, with all of its checks."""

    name = "hyper-h2"

    def __init__(self, address: str):
        self._connection = RawConnection.connect(address)
        self._witness = self._connection.open(grpc_request(ECHO))
        self._exchanges = 0

    def call(self) -> str:
        stream = self._connection.open(grpc_request(CALL))
        with contextlib.suppress(AssertionError, h2.exceptions.ProtocolError):
            stream.send_data(grpc_message(b"x"), end_stream=True)
        with contextlib.suppress(AssertionError):
            stream.wait_finish(PATIENCE)
        self._check()
        if stream.reset_code is not None:
            return f"reset {stream.reset_code:#x}"
        if not stream.ended:
            with contextlib.suppress(h2.exceptions.ProtocolError):
                stream.reset(CANCEL)
            return "open"
        return f"status {(stream.status or b'-').decode()}"

    def exchange(self) -> None:
        self._check()
        message = grpc_message(b"witness %d" % self._exchanges)
        self._witness.send_data(message)
        self._witness.wait_data(len(message), 10)
        assert bytes(self._witness.data) == message, bytes(self._witness.data)
        self._witness.data.clear()
        self._exchanges += 1

    def _check(self) -> None:
        assert self._connection.protocol_error is None, repr(self._connection.protocol_error)
        assert not self._connection.goaways, self._connection.goaways

    def close(self) -> None:
        self._connection.close()


class GRPCCore(StrictClient):
    """gRPC's core, by way of grpcio."""

    name = "grpc-core"

    def __init__(self, address: str):
        options = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]
        self._channel = grpc.insecure_channel(address, options)
        self._call = self._channel.unary_unary(CALL)
        self._sent: queue.Queue[bytes | None] = queue.Queue()
        self._witness = self._channel.stream_stream(ECHO)(iter(self._sent.get, None))
        self._exchanges = 0

    def call(self) -> str:
        try:
            self._call(b"x", timeout=10 * PATIENCE)
        except grpc.RpcError as error:
            return f"status {error.code().value[0]}"
        return "status 0"

    def exchange(self) -> None:
        message = b"witness %d" % self._exchanges
        self._sent.put(message)
        try:
            received = next(self._witness)
        except grpc.RpcError as error:
            raise AssertionError(f"the witness ended: {error.code()} {error.details()}") from None
        assert received == message, received
        self._exchanges += 1

    def close(self) -> None:
        self._sent.put(None)
        self._channel.close()


class ProcessClient(StrictClient):
    """A program that takes commands as lines, and reports the outcome as JSON lines."""

    program: tuple[str, str, str]

    def __init__(self, address: str):
        self._process = ManagedProcess([go_program(*self.program), address, CALL, ECHO], name=self.name)
        self._seen = 0

    def _ask(self, line: str) -> dict:
        self._process.send_line(line)
        answer = self._process.wait_for_line(json.loads, what="an answer", stream="stdout", start=self._seen)
        self._seen += 1
        return answer

    def call(self) -> str:
        return self._ask("call")["outcome"]

    def exchange(self) -> None:
        answer = self._ask("exchange")
        assert "error" not in answer, answer["error"]

    def close(self) -> None:
        self._process.kill()


class Go(ProcessClient):
    """The transport of golang.org/x/net/http2."""

    name = "go"
    program = ("go_client", "golang.org/x/net/http2", "golang-golang-x-net-dev")


class GRPCGo(ProcessClient):
    """grpc-go."""

    name = "grpc-go"
    program = ("grpc_go_client", "google.golang.org/grpc", "golang-google-grpc-dev")


CLIENTS: tuple[type[StrictClient], ...] = (GRPCCore, Go, GRPCGo, HyperH2)
