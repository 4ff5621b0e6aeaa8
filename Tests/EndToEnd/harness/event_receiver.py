"""A receiver of events (`--on-event`), which answers as a test tells it to."""

import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness.certificates import Certificate


@dataclass
class Received:
    """A request, whether it was accepted or not."""

    path: str
    headers: dict[str, str]
    body: bytes
    #: What it was answered with; `None` for nothing.
    status: int | None
    at: float

    @property
    def event(self) -> dict:
        return json.loads(self.body)

    @property
    def sequence(self) -> int:
        return int(self.headers["sluice-event-sequence"])


#: Answers nothing, and keeps the connection open until the receiver is closed.
HANG = "hang"
#: Closes the connection without an answer.
CLOSE = "close"


class EventReceiver:
    """Listens on a free port of 127.0.0.1; `behave` may be changed at any time."""

    def __init__(self, certificate: Certificate | None = None, port: int = 0):
        #: Says how to answer: a status, or a status with headers, or HANG or CLOSE.
        self.behave: Callable[[Received], object] = lambda request: 200
        self._changed = threading.Condition()
        self._received: list[Received] = []
        self._released = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Received(self.path, headers, body, None, time.monotonic())
                behaviour = receiver.behave(request)
                if behaviour == HANG:
                    receiver._keep(request)
                    receiver._released.wait(60)
                    self.close_connection = True
                    return
                if behaviour == CLOSE:
                    receiver._keep(request)
                    self.close_connection = True
                    return
                status, fields = behaviour if isinstance(behaviour, tuple) else (behaviour, {})
                request.status = status
                # Counted before the answer: whoever has the answer finds it here.
                receiver._keep(request)
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_) -> None:
                # A Proxy that was killed, or that doesn't trust the certificate.
                pass

        self._server = Server(("127.0.0.1", port), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.pem, certificate.key)
            # The handshake belongs to the connection's own thread.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port: int = self._server.server_address[1]
        self.scheme = "https" if certificate else "http"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def url(self, host: str = "127.0.0.1", path: str = "/events?from=test") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def _keep(self, request: Received) -> None:
        with self._changed:
            self._received.append(request)
            self._changed.notify_all()

    @property
    def received(self) -> list[Received]:
        with self._changed:
            return list(self._received)

    @property
    def accepted(self) -> list[Received]:
        return [one for one in self.received if one.status is not None and 200 <= one.status < 300]

    @property
    def events(self) -> list[dict]:
        """The events that were accepted."""
        return [one.event for one in self.accepted]

    def wait(self, until: Callable[["EventReceiver"], object], what: str, timeout: float = 30):
        """Waits until `until` holds, which is asked after each request; returns what it returned."""
        deadline = time.monotonic() + timeout
        while True:
            found = until(self)
            if found:
                return found
            with self._changed:
                count = len(self._received)
                left = deadline - time.monotonic()
                if left <= 0:
                    shape = [(one.sequence, one.event["type"], one.status) for one in self.received]
                    raise AssertionError(f"not within {timeout} s: {what} (received: {shape})")
                self._changed.wait_for(lambda count=count: len(self._received) > count, min(left, 1))

    def wait_for(self, *types: str, timeout: float = 30) -> list[dict]:
        """Waits until events of these types, in this order, are the last ones that were accepted."""

        def last(receiver: "EventReceiver"):
            found = receiver.events[-len(types):]
            return found if tuple(event["type"] for event in found) == types else None

        return self.wait(last, f"the events {', '.join(types)}", timeout)

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()


def is_genuine(key: bytes, headers: dict[str, str], body: bytes, now: float) -> bool:
    """What docs/API.md tells receivers to do; a test holds them together."""
    time_sent, event_id = headers["sluice-event-time"], headers["sluice-event-id"]
    signed = f"{time_sent}.{event_id}.{headers['sluice-event-sequence']}.".encode() + body
    expected = "v1=" + hmac.new(key, signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, headers["sluice-signature"]) and abs(now - int(time_sent)) < 300
