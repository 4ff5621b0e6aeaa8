"""Raw HTTP/2 peers on the h2 library: every frame that gRPC libraries hide can be sent and seen.

h2 checks what the other side sends against the protocol, so a proxy that breaks a rule fails the test.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
from hyperframe.frame import Frame, GoAwayFrame, PingFrame

Headers = list[tuple[bytes, bytes]]

HEADER_TABLE_SIZE = h2.settings.SettingCodes.HEADER_TABLE_SIZE
INITIAL_WINDOW_SIZE = h2.settings.SettingCodes.INITIAL_WINDOW_SIZE
MAX_CONCURRENT_STREAMS = h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS
MAX_HEADER_LIST_SIZE = h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE

NO_ERROR = 0x0
PROTOCOL_ERROR = 0x1
INTERNAL_ERROR = 0x2
STREAM_CLOSED = 0x5
REFUSED_STREAM = 0x7
CANCEL = 0x8
ENHANCE_YOUR_CALM = 0xB


def to_bytes(fields: Iterable[tuple[str | bytes, str | bytes]]) -> Headers:
    return [
        (k.encode() if isinstance(k, str) else k, v.encode() if isinstance(v, str) else v) for k, v in fields
    ]


def values(headers: Headers | None, name: str) -> list[bytes]:
    """All values of a field, in order."""
    return [v for k, v in headers or [] if k == name.encode()]


def value(headers: Headers | None, name: str) -> bytes | None:
    """The only value of a field, or `None`."""
    found = values(headers, name)
    assert len(found) <= 1, f"{name} came {len(found)} times: {headers}"
    return found[0] if found else None


def grpc_request(path: str = "/echo.Echo/Unary", *extra: tuple[str | bytes, str | bytes]) -> Headers:
    return to_bytes([
        (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "sluice.test"),
        ("te", "trailers"), ("content-type", "application/grpc"), ("user-agent", "raw-h2-test"), *extra,
    ])


def grpc_response(*extra: tuple[str | bytes, str | bytes]) -> Headers:
    return to_bytes([(":status", "200"), ("content-type", "application/grpc"), *extra])


def grpc_message(payload: bytes) -> bytes:
    """A gRPC length-prefixed message, uncompressed."""
    return struct.pack(">BI", 0, len(payload)) + payload


def grpc_payloads(data: bytes) -> list[bytes]:
    """The payloads of length-prefixed messages; `data` must end where a message ends."""
    found = []
    while data:
        assert len(data) >= 5, f"half a message prefix: {data!r}"
        compressed, length = struct.unpack(">BI", data[:5])
        assert compressed == 0
        assert len(data) >= 5 + length, f"half a message: {len(data) - 5} of {length} bytes"
        found.append(bytes(data[5 : 5 + length]))
        data = data[5 + length :]
    return found


class _Connection(h2.connection.H2Connection):
    """h2's connection, except that the other side's GOAWAY doesn't end it: streams up to the last id go on (RFC
    9113, section 6.8), and queued frames still go out."""

    def _receive_goaway_frame(self, frame: GoAwayFrame):
        event = h2.events.ConnectionTerminated()
        event.error_code = frame.error_code
        event.last_stream_id = frame.last_stream_id
        event.additional_data = frame.additional_data
        return [], [event]

    #: Whether PINGs are answered.
    answers_pings = True

    def _receive_ping_frame(self, frame: PingFrame):
        frames, events = super()._receive_ping_frame(frame)
        return frames if self.answers_pings else [], events


class RawStream:
    """One stream: what has come on it, and its sending side. Everything is guarded by the connection's lock."""

    def __init__(self, connection: "RawConnection", stream_id: int):
        self.connection = connection
        self.id = stream_id
        self.headers: Headers | None = None
        self.informational: list[Headers] = []
        self.trailers: Headers | None = None
        self.data = bytearray()
        self.unacknowledged = 0
        self.ended = False
        self.reset_code: int | None = None

    @property
    def status(self) -> bytes | None:
        return value(self.headers, ":status")

    @property
    def path(self) -> bytes | None:
        return value(self.headers, ":path")

    @property
    def grpc_status(self) -> bytes | None:
        """The status in the trailers, or in the headers of a trailers-only reply."""
        return value(self.trailers if self.trailers is not None else self.headers, "grpc-status")

    @property
    def grpc_status_message(self) -> bytes | None:
        return value(self.trailers if self.trailers is not None else self.headers, "grpc-message")

    @property
    def messages(self) -> list[bytes]:
        return grpc_payloads(bytes(self.data))

    @property
    def finished(self) -> bool:
        return self.ended or self.reset_code is not None

    def wait(self, condition: Callable[["RawStream"], object], what: str, timeout: float = 15) -> "RawStream":
        """Waits until `condition` holds; fails at once if the stream or connection ends before."""
        self.connection.wait(
            lambda: condition(self) or self.finished or self.connection.closed,
            f"{what} on stream {self.id}",
            timeout,
        )
        assert condition(self), f"stream {self.id} ended without {what}: {self!r}"
        return self

    def wait_headers(self, timeout: float = 15) -> "RawStream":
        return self.wait(lambda s: s.headers is not None, "headers", timeout)

    def wait_data(self, count: int, timeout: float = 15) -> "RawStream":
        return self.wait(lambda s: len(s.data) >= count, f"{count} bytes", timeout)

    def wait_end(self, timeout: float = 15) -> "RawStream":
        """Waits for END_STREAM."""
        return self.wait(lambda s: s.ended, "END_STREAM", timeout)

    def read(self, timeout: float = 15) -> bytes:
        """Takes the bytes out of `data`, at least one, and gives the sender credit for them; returns none at the
        end."""
        return self.connection.read(self, timeout)

    def wait_reset(self, timeout: float = 15) -> int:
        """Waits for RST_STREAM and returns its code."""
        self.connection.wait(
            lambda: self.reset_code is not None or self.connection.closed, f"RST_STREAM on {self.id}", timeout
        )
        assert self.reset_code is not None, f"no RST_STREAM: {self!r}"
        return self.reset_code

    def wait_finish(self, timeout: float = 15) -> "RawStream":
        """Waits for END_STREAM or RST_STREAM."""
        return self.wait(lambda s: s.finished, "an end", timeout)

    def send_headers(self, headers: Headers, end_stream: bool = False) -> "RawStream":
        self.connection.send_headers(self, headers, end_stream)
        return self

    def send_data(self, data: bytes, end_stream: bool = False, timeout: float = 15) -> "RawStream":
        """Sends all of `data`, waiting for flow-control credit."""
        self.connection.send_data(self, data, end_stream, timeout)
        return self

    def send_available(self, data: bytes) -> int:
        """Sends as much of `data` as the windows allow now; returns the number of bytes sent."""
        return self.connection.send_available(self, data)

    def reset(self, code: int) -> None:
        self.connection.reset(self, code)

    def acknowledge(self) -> int:
        """Gives the sender credit for everything that has come; returns the number of bytes."""
        return self.connection.acknowledge(self)

    def __repr__(self) -> str:
        return (
            f"<stream {self.id} headers={self.headers} 1xx={self.informational} data={len(self.data)} bytes "
            f"trailers={self.trailers} ended={self.ended} reset={self.reset_code}>"
        )


class RawConnection:
    """One HTTP/2 connection, client or server side, read by a thread of its own.

    - `auto_window`: data is acknowledged as it comes. Without it, only by `acknowledge`.
    - `settings`: sent as our own SETTINGS.
    - `check_fields`: h2's checks of field values, which reject spaces at their edges.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        client_side: bool,
        auto_window: bool = True,
        settings: dict[int, int] | None = None,
        check_fields: bool = True,
        connection_window: int | None = None,
        on_request: Callable[[RawStream], None] | None = None,
    ):
        self._socket = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._changed = threading.Condition(threading.RLock())
        self._auto_window = auto_window
        self._on_request = on_request
        self.h2 = _Connection(
            h2.config.H2Configuration(
                client_side=client_side,
                header_encoding=None,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=check_fields,
                normalize_inbound_headers=False,
            )
        )
        self.streams: dict[int, RawStream] = {}
        self.goaways: list[tuple[int, int, bytes]] = []
        self.pongs: list[bytes] = []
        self.goaways_before_pings: list[int] = []
        self.remote_settings: dict[int, int] = {}
        self.settings_acknowledged = False
        self.protocol_error: Exception | None = None
        self.closed = False
        with self._changed:
            if settings:
                self.h2.local_settings = h2.settings.Settings(
                    client=client_side, initial_values={**self.h2.local_settings, **settings}
                )
            self.h2.initiate_connection()
            if connection_window is not None:
                self.h2.increment_flow_control_window(connection_window - 65_535)
            self._flush()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @classmethod
    def connect(cls, address: str, source: str = "127.0.0.1", **options) -> "RawConnection":
        """Opens a client connection and waits until both sides have sent SETTINGS. `source` is the address that it
        comes from; all of 127.0.0.0/8 is this machine's."""
        host, port = address.rsplit(":", 1)
        sock = socket.create_connection((host, int(port)), timeout=10, source_address=(source, 0))
        connection = cls(sock, client_side=True, **options)
        connection.wait(lambda: connection.remote_settings and connection.settings_acknowledged, "SETTINGS")
        return connection

    # Reading

    def _read(self) -> None:
        self._socket.settimeout(None)
        try:
            while data := self._socket.recv(65_536):
                with self._changed:
                    try:
                        events = self.h2.receive_data(data)
                    except h2.exceptions.ProtocolError as error:
                        self.protocol_error = error
                        self._flush()
                        break
                    for event in events:
                        self._take(event)
                    self._flush()
                    self._changed.notify_all()
        except OSError:
            pass
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                stream = self.streams[event.stream_id] = RawStream(self, event.stream_id)
                stream.headers = list(event.headers)
                if self._on_request:
                    self._on_request(stream)
            case h2.events.ResponseReceived():
                self.streams[event.stream_id].headers = list(event.headers)
            case h2.events.InformationalResponseReceived():
                self.streams[event.stream_id].informational.append(list(event.headers))
            case h2.events.TrailersReceived():
                self.streams[event.stream_id].trailers = list(event.headers)
            case h2.events.DataReceived():
                stream = self.streams[event.stream_id]
                stream.data += event.data
                stream.unacknowledged += event.flow_controlled_length
                if self._auto_window:
                    self.acknowledge(stream)
            case h2.events.StreamEnded():
                self.streams[event.stream_id].ended = True
            case h2.events.StreamReset():
                if event.remote_reset and event.stream_id in self.streams:
                    self.streams[event.stream_id].reset_code = int(event.error_code)
            case h2.events.ConnectionTerminated():
                self.goaways.append((event.last_stream_id, int(event.error_code), event.additional_data or b""))
            case h2.events.RemoteSettingsChanged():
                self.remote_settings.update({code: int(c.new_value) for code, c in event.changed_settings.items()})
                self.remote_settings.setdefault(-1, 1)
            case h2.events.SettingsAcknowledged():
                self.settings_acknowledged = True
            case h2.events.PingReceived():
                self.goaways_before_pings.append(len(self.goaways))
            case h2.events.PingAckReceived():
                self.pongs.append(event.ping_data)

    def wait(self, condition: Callable[[], object], what: str, timeout: float = 15) -> None:
        """Waits until `condition` holds; it is checked whenever something has come."""
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise AssertionError(
                    f"no {what} within {timeout} s; streams {list(self.streams.values())}, goaways {self.goaways}, "
                    f"closed {self.closed}, protocol error {self.protocol_error!r}"
                )

    def change_settings(self, settings: dict[int, int]) -> None:
        """Sends new SETTINGS and waits until the other side has acknowledged them."""
        with self._changed:
            self.settings_acknowledged = False
            self.h2.update_settings(settings)
            self._flush()
        self.wait(lambda: self.settings_acknowledged, "acknowledgment of SETTINGS")

    def wait_closed(self, timeout: float = 15) -> None:
        self.wait(lambda: self.closed, "end of the connection", timeout)

    # Sending

    def _flush(self) -> None:
        data = self.h2.data_to_send()
        if data:
            with contextlib.suppress(OSError):
                self._socket.sendall(data)

    def open(self, headers: Headers, end_stream: bool = False) -> RawStream:
        """Begins a stream, on the client's side."""
        with self._changed:
            stream = RawStream(self, self.h2.get_next_available_stream_id())
            self.streams[stream.id] = stream
            self.h2.send_headers(stream.id, headers, end_stream)
            self._flush()
            return stream

    def send_headers(self, stream: RawStream, headers: Headers, end_stream: bool) -> None:
        with self._changed:
            self.h2.send_headers(stream.id, headers, end_stream)
            self._flush()

    def send_available(self, stream: RawStream, data: bytes) -> int:
        with self._changed:
            sent = 0
            while sent < len(data) and stream.reset_code is None:
                size = min(
                    self.h2.local_flow_control_window(stream.id), self.h2.max_outbound_frame_size, len(data) - sent
                )
                if size <= 0:
                    break
                self.h2.send_data(stream.id, data[sent : sent + size])
                sent += size
            self._flush()
            return sent

    def send_data(self, stream: RawStream, data: bytes, end_stream: bool, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        sent = 0
        with self._changed:
            while sent < len(data):
                assert stream.reset_code is None, f"reset while sending: {stream!r}"
                sent += self.send_available(stream, data[sent:])
                if sent < len(data):
                    left = deadline - time.monotonic()
                    assert left > 0 and not self.closed, f"no credit for {len(data) - sent} bytes on {stream!r}"
                    self._changed.wait(left)
            if end_stream:
                self.h2.end_stream(stream.id)
                self._flush()

    def reset(self, stream: RawStream, code: int) -> None:
        with self._changed:
            self.h2.reset_stream(stream.id, code)
            self._flush()

    def acknowledge(self, stream: RawStream) -> int:
        with self._changed:
            count, stream.unacknowledged = stream.unacknowledged, 0
            if count:
                with contextlib.suppress(h2.exceptions.StreamClosedError):
                    self.h2.acknowledge_received_data(count, stream.id)
                self._flush()
            return count

    def read(self, stream: RawStream, timeout: float) -> bytes:
        self.wait(lambda: stream.data or stream.finished or self.closed, f"more on stream {stream.id}", timeout)
        with self._changed:
            data, stream.data = bytes(stream.data), bytearray()
        self.acknowledge(stream)
        return data

    def acknowledge_all(self) -> None:
        """Gives credit for what has come on every stream, and from now on for everything as it comes."""
        with self._changed:
            self._auto_window = True
            for stream in list(self.streams.values()):
                self.acknowledge(stream)

    def ping(self, payload: bytes = b"sluice!!", timeout: float = 15) -> None:
        """Sends a PING and waits for its answer: everything sent before it has been read by then."""
        with self._changed:
            already = self.pongs.count(payload)
            self.h2.ping(payload)
            self._flush()
        self.wait(lambda: self.pongs.count(payload) > already or self.closed, "PING answer", timeout)
        assert self.pongs.count(payload) > already, "closed before the PING was answered"

    def goaway(self, last_stream_id: int, code: int = NO_ERROR) -> None:
        """Sends GOAWAY and lets streams go on; h2's own `close_connection` would stop them."""
        self.send_frame(GoAwayFrame(0, last_stream_id=last_stream_id, error_code=code))

    def leave(self, last_stream_id: int) -> None:
        """Sends GOAWAY and closes this side's direction, in one packet."""
        with self._changed:
            self._flush()
            self._socket.send(GoAwayFrame(0, last_stream_id=last_stream_id).serialize(), socket.MSG_MORE)
            self._socket.shutdown(socket.SHUT_WR)

    def send_frame(self, frame: Frame) -> None:
        """Sends a frame without h2's knowledge."""
        with self._changed:
            self._flush()
            self._socket.sendall(frame.serialize())

    def close(self) -> None:
        """Closes the TCP connection, without a GOAWAY."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._reader.join(5)

    def abort(self) -> None:
        """Ends the TCP connection with a reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *_) -> None:
        self.close()


class RawServer:
    """A backend that answers every stream by `handle(stream)`, on a thread of its own.

    `takes(stream)` is called first, in the order in which streams arrive; a stream that it rejects gets no answer.
    `beside` has handlers for some paths, whose requests are not among `requests`. An error raised in a handler is
    raised again by `close`, so that it fails the test.
    """

    def __init__(
        self,
        handle: Callable[[RawStream], None],
        *,
        takes: Callable[[RawStream], bool] = lambda _: True,
        beside: Mapping[bytes, Callable[[RawStream], None]] | None = None,
        port: int = 0,
        **options,
    ):
        self._handle = handle
        self._beside = beside or {}
        self._takes = takes
        self._options = options
        self._listener = socket.create_server(("127.0.0.1", port))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self.connections: list[RawConnection] = []
        self.requests: list[RawStream] = []
        self.errors: list[BaseException] = []
        self._changed = threading.Condition()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            # With the lock held, its first request can't be handled before the connection is in the list.
            with self._changed:
                self.connections.append(
                    RawConnection(sock, client_side=False, on_request=self._begin, **self._options)
                )

    def _begin(self, stream: RawStream) -> None:
        handle = self._beside.get(stream.path)
        if handle is None:
            handle = self._handle
            with self._changed:
                self.requests.append(stream)
                self._changed.notify_all()
        if not self._takes(stream):
            return
        threading.Thread(target=self._run, args=(handle, stream), daemon=True).start()

    def _run(self, handle: Callable[[RawStream], None], stream: RawStream) -> None:
        try:
            handle(stream)
        except BaseException as error:  # noqa: BLE001 - it is raised again by close()
            self.errors.append(error)

    def wait_requests(self, count: int, timeout: float = 15) -> list[RawStream]:
        """Waits until `count` requests have come, and returns them all."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, timeout):
                raise AssertionError(f"{len(self.requests)} of {count} requests within {timeout} s")
            return list(self.requests)

    def stop_accepting(self) -> None:
        """Closes the listening socket: from now on connections are refused."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(5)

    def close(self) -> None:
        self.stop_accepting()
        for connection in self.connections:
            connection.close()
        for connection in self.connections:
            if connection.protocol_error is not None:
                self.errors.append(connection.protocol_error)
        if self.errors:
            raise self.errors[0]


#: A field that asks `answer_unless_held` to keep the call open.
HOLD = ("x-hold", "1")


def answer_unless_held(stream: RawStream) -> None:
    """Answers at once with only a status; the Proxy may have given the call up."""
    with contextlib.suppress(Exception):
        if not value(stream.headers, "x-hold"):
            stream.send_headers(grpc_response(("grpc-status", "0")), True)
