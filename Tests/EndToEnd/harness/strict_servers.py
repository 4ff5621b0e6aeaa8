"""Servers that are strict about what they receive, each by different authors, and the witness on each.

Each has an `address`, `paths` for generated requests, and `witness(proxy_address)`: a call on its own connection
that goes on for as long as the server keeps its connection to the Proxy. `reason` is the server's last message about
a connection that it ended.
"""

import contextlib
import json
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from harness import predictor
from harness.backend import EchoBackend
from harness.ports import free_port
from harness.predictor import Predictor
from harness.process import ManagedProcess, eventually
from harness.raw_http2 import RawConnection, grpc_message, grpc_request, to_bytes
from harness.strict_programs import NotHere, go_program, netty_command

class StreamWitness:
    """A call that sends a message now and then and is answered each time."""

    def __init__(self, proxy_address: str, path: str, message: bytes = b""):
        self._connection = RawConnection.connect(proxy_address)
        self._message, self._answer_length, self.exchanges = message, 0, 0
        self._stream = self._connection.open(grpc_request(path))

    def exchange(self, timeout: float = 10) -> None:
        """Sends a message and waits for its answer; if the call has ended instead, an `AssertionError` says how."""
        message = grpc_message(self._message or b"witness %d" % self.exchanges)
        self._stream.send_data(message, timeout=timeout)
        if self._message:
            # Another server's answer, which is always the same.
            self._stream.wait_data(self._answer_length or 1, timeout)
            self._answer_length = self._answer_length or len(self._stream.data)
        else:
            self._stream.wait_data(len(message), timeout)
            assert bytes(self._stream.data) == message, (bytes(self._stream.data), message)
        self._stream.data.clear()
        self.exchanges += 1

    def close(self) -> None:
        self._connection.close()


class DownloadWitness:
    """A download without an end, read a window at a time.

    The Proxy holds some of the response, so its death is noticed late.
    """

    def __init__(self, proxy_address: str, path: str):
        self._connection = RawConnection.connect(proxy_address, auto_window=False)
        self._stream = self._connection.open(
            to_bytes([(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "sluice.test")]), True)
        self.exchanges = 0

    def exchange(self, timeout: float = 10) -> None:
        self._stream.wait_data(1, timeout)
        self._stream.data.clear()
        self._stream.acknowledge()
        assert self._stream.status == b"200", self._stream
        self.exchanges += 1

    def close(self) -> None:
        self._connection.close()


class StrictServer:
    name = ""
    #: Whether the witness may go on for a while after the server's connection has ended.
    is_seen_late = False
    paths: tuple[str, ...] = ("/strict.Strict/Call", "/strict.Strict/Early", "/strict.Strict/Echo")

    def witness(self, proxy_address: str):
        return StreamWitness(proxy_address, "/strict.Strict/Echo")

    @property
    def reason(self) -> str | None:
        """The server's last message about a connection that it ended."""
        return None

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    @property
    def process(self) -> ManagedProcess | None:
        """The server's process, where it has one of its own."""
        return None

    @property
    def lives(self) -> bool:
        """Whether the server still accepts connections."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
            return True
        return False

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()


class SwiftNIO(StrictServer):
    """swift-nio-http2, as in the project's own Predictor."""

    name = "swift-nio-http2"
    paths = (f"/{predictor.SERVICE}/Health", f"/{predictor.SERVICE}/PredictStream", "/unknown.Unknown/Unknown")

    def __init__(self):
        # Without a backtrace, which would take a crash seconds.
        environment = predictor.environment(
            predictor.model("v1.0.0"), MODEL_VERSION="v1.0.0", SWIFT_BACKTRACE="enable=no")
        self._predictor = Predictor(ManagedProcess([predictor.BINARY], name="Predictor", env=environment))
        self.address = self._predictor.address

    def witness(self, proxy_address: str) -> StreamWitness:
        row = predictor.stubs()[0].PredictRequest(features=[5.1, 3.5, 1.4, 0.2], request_id="witness")
        return StreamWitness(proxy_address, f"/{predictor.SERVICE}/PredictStream", row.SerializeToString())

    @property
    def process(self) -> ManagedProcess:
        return self._predictor.process


class GRPCCore(StrictServer):
    """gRPC's core, the library of C++, Python and other languages."""

    name = "grpc-core"
    paths = ("/echo.Echo/Unary", "/echo.Echo/EarlyReply", "/echo.Echo/Bidi", "/unknown.Unknown/Unknown")

    def __init__(self):
        self._backend = EchoBackend("strict")
        self.address = self._backend.address

    def witness(self, proxy_address: str) -> StreamWitness:
        return StreamWitness(proxy_address, "/echo.Echo/Bidi")

    @property
    def process(self) -> ManagedProcess:
        return self._backend.process


class ProcessServer(StrictServer):
    """A program that reports in JSON lines where it listens and why it ended a connection."""

    def __init__(self, argv: Sequence[str | os.PathLike]):
        self._process = ManagedProcess(argv, name=self.name)
        port = self._process.wait_for_line(
            lambda line: json.loads(line).get("port"), what="where it listens", stream="stdout")
        self.address = f"127.0.0.1:{port}"

    @property
    def reason(self) -> str | None:
        errors = [line["reason"] for line in self._process.json_lines("stdout") if line["event"] == "error"]
        return errors[-1] if errors else None

    @property
    def process(self) -> ManagedProcess:
        return self._process


class Go(ProcessServer):
    """golang.org/x/net/http2, as Debian has it."""

    name = "go"

    def __init__(self):
        super().__init__([go_program("go_server", "golang.org/x/net/http2", "golang-golang-x-net-dev")])


class GRPCGo(ProcessServer):
    """grpc-go, which has its own HTTP/2 server, as Debian has it."""

    name = "grpc-go"

    def __init__(self):
        super().__init__([go_program("grpc_go_server", "google.golang.org/grpc", "golang-google-grpc-dev")])


class Netty(ProcessServer):
    """Netty's HTTP/2 codec, which gRPC's Java library uses, as Debian has it."""

    name = "netty"

    def __init__(self):
        super().__init__(netty_command())


class Nghttpd(StrictServer):
    """nghttpd, the server among nghttp2's tools: libnghttp2, including its own decoding of header lists."""

    name = "nghttpd"
    is_seen_late = True
    paths = ("/answer.txt", "/missing.txt")

    def __init__(self):
        if not shutil.which("nghttpd"):
            raise NotHere("nghttp2-server")
        self._folder = tempfile.TemporaryDirectory(prefix="sluice-nghttpd-")
        Path(self._folder.name, "answer.txt").write_text("answer\n")
        with open(Path(self._folder.name, "endless"), "wb") as file:
            # A sparse file, which takes no space on the disk.
            file.truncate(1 << 36)
        port = free_port()
        self._process = ManagedProcess(
            ["nghttpd", "--no-tls", "--address=127.0.0.1", f"--htdocs={self._folder.name}", "--echo-upload", str(port)],
            name=self.name,
        )
        self.address = f"127.0.0.1:{port}"
        eventually(lambda: self.lives, what="nghttpd's listener")

    def witness(self, proxy_address: str) -> DownloadWitness:
        return DownloadWitness(proxy_address, "/endless")

    @property
    def process(self) -> ManagedProcess:
        return self._process

    def close(self) -> None:
        super().close()
        self._folder.cleanup()


class HyperH2(StrictServer):
    """hyper-h2, with all of its checks: a single bad list ends the connection."""

    name = "hyper-h2"

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._reasons: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        connection.initiate_connection()
        # For each open stream, whether it echoes; removed when it has been answered.
        open_streams: dict[int, bool] = {}
        with accepted, contextlib.suppress(OSError):
            accepted.sendall(connection.data_to_send())
            while data := accepted.recv(65_536):
                try:
                    for event in connection.receive_data(data):
                        # Another event read at the same time may have ended this stream.
                        with contextlib.suppress(h2.exceptions.StreamClosedError):
                            self._take(connection, event, open_streams)
                except h2.exceptions.ProtocolError as error:
                    self._reasons.append(f"{type(error).__name__}: {error}")
                    accepted.sendall(connection.data_to_send())
                    return
                accepted.sendall(connection.data_to_send())

    @staticmethod
    def _take(connection: h2.connection.H2Connection, event, open_streams: dict[int, bool]) -> None:
        head = [(":status", "200"), ("content-type", "application/grpc")]
        last = [("grpc-status", "0")]
        stream = getattr(event, "stream_id", None)
        match event:
            case h2.events.RequestReceived():
                path = dict(event.headers).get(b":path", b"")
                open_streams[stream] = path.endswith(b"/Echo")
                if open_streams[stream]:
                    connection.send_headers(stream, head)
                elif path.endswith(b"/Early"):
                    del open_streams[stream]
                    connection.send_headers(stream, [*head, *last], end_stream=True)
            case h2.events.DataReceived():
                if stream in connection.streams:
                    connection.acknowledge_received_data(event.flow_controlled_length, stream)
                if open_streams.get(stream) and connection.local_flow_control_window(stream) >= len(event.data):
                    for at in range(0, len(event.data), connection.max_outbound_frame_size):
                        connection.send_data(stream, event.data[at : at + connection.max_outbound_frame_size])
            case h2.events.StreamReset():
                open_streams.pop(stream, None)
            case h2.events.StreamEnded() if stream in open_streams:
                connection.send_headers(stream, last if open_streams.pop(stream) else [*head, *last], end_stream=True)

    @property
    def reason(self) -> str | None:
        return self._reasons[-1] if self._reasons else None

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


SERVERS: tuple[type[StrictServer], ...] = (SwiftNIO, GRPCCore, Go, GRPCGo, HyperH2, Nghttpd, Netty)


def connections_to(port: int) -> set[int]:
    """Local ports of the established connections to a port of this machine."""
    found = set()
    with open("/proc/net/tcp", encoding="ascii") as table:
        next(table)
        for line in table:
            _, near, far, state, _ = line.split(None, 4)
            if state == "01" and int(far[-4:], 16) == port:
                found.add(int(near[-4:], 16))
    return found
