"""Clients that hold connections open and never finish their requests."""

import contextlib
import select
import socket
import ssl
import threading
import time


class SlowClients:
    """Keeps `count` connections open on a thread of its own, from `with` to its end.

    Each sends `begin` and then one byte of `drip` every second; one that the server closes is replaced, at most 500
    a second. With `context` they use TLS; with `handshakes=False` they connect and never begin the handshake.
    """

    def __init__(
        self, address: str, count: int, begin: bytes = b"", drip: bytes = b"", context: ssl.SSLContext | None = None,
        handshakes: bool = True,
    ):
        self.count = count
        #: Number of connections that the server has closed.
        self.closed = 0
        #: The first bytes of answers, with their counts.
        self.answers: dict[bytes, int] = {}
        self._address = address.rsplit(":", 1)
        self._begin, self._drip = begin, drip
        self._context = context if handshakes else None
        self._open: dict[int, socket.socket] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def held(self) -> int:
        return len(self._open)

    def _connect(self) -> socket.socket:
        connection = socket.create_connection((self._address[0], int(self._address[1])), timeout=10)
        if self._context is not None:
            connection = self._context.wrap_socket(connection, server_hostname=self._address[0])
        if self._begin:
            connection.sendall(self._begin)
        connection.setblocking(False)
        return connection

    def _run(self) -> None:
        poll = select.epoll()
        until, dripped, drops = time.monotonic() + 120, time.monotonic(), 0
        opening = 0.0
        while not self._stop.is_set() and time.monotonic() < until:
            for _ in range(10 if time.monotonic() >= opening else 0):
                if len(self._open) >= self.count:
                    break
                opening = time.monotonic() + 0.02
                try:
                    connection = self._connect()
                except OSError:
                    break
                self._open[connection.fileno()] = connection
                poll.register(connection, select.EPOLLIN | select.EPOLLHUP)
            for descriptor, _ in poll.poll(0.02):
                self._take(poll, descriptor)
            if self._drip and time.monotonic() - dripped >= 1:
                dripped = time.monotonic()
                byte, drops = self._drip[drops % len(self._drip):][:1], drops + 1
                for connection in list(self._open.values()):
                    with contextlib.suppress(OSError):
                        connection.send(byte)
        for connection in self._open.values():
            connection.close()
        poll.close()

    def _take(self, poll: select.epoll, descriptor: int) -> None:
        connection = self._open[descriptor]
        try:
            answer = connection.recv(65_536)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError:
            answer = b""
        if answer:
            line = answer.split(b"\r\n")[0]
            self.answers[line] = self.answers.get(line, 0) + 1
            return
        poll.unregister(descriptor)
        del self._open[descriptor]
        connection.close()
        self.closed += 1

    def __enter__(self) -> "SlowClients":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join(30)
