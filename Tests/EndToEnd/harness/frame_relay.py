"""A relay of plaintext HTTP/2 between two programs, which records some of the frames that pass."""

import contextlib
import socket
import threading

from harness.attacker import ACK, PING, PREFACE

GOAWAY = 7


class FrameRelay:
    """Passes each connection's bytes on to `address` and back.

    `pings` and `pings_back` count the PINGs, without answers, of the connecting side and of the other one. `goaways`
    has the code and text of the latter's GOAWAYs.
    """

    def __init__(self, address: str):
        host, port = address.rsplit(":", 1)
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self.pings = self.pings_back = 0
        self.goaways: list[tuple[int, bytes]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target, timeout=10)
            except OSError:
                return
            far.settimeout(None)
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [near, far]
            threading.Thread(target=self._pass, args=(near, far, len(PREFACE), self._sent), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near, 0, self._answered), daemon=True).start()

    @staticmethod
    def _pass(source: socket.socket, target: socket.socket, skip: int, note) -> None:
        """Passes bytes on until the end; after the first `skip` bytes each frame is recorded."""
        received = bytearray()
        with contextlib.suppress(OSError):
            while data := source.recv(262_144):
                target.sendall(data)
                received += data
                at = skip
                while len(received) >= at + 9:
                    end = at + 9 + int.from_bytes(received[at : at + 3])
                    # Of a DATA frame only the header is needed.
                    if len(received) < end:
                        break
                    note(received[at + 3], received[at + 4], bytes(received[at + 9 : min(end, at + 100)]))
                    at = end
                if at > skip or skip == 0:
                    del received[:at]
                    skip = 0
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _sent(self, kind: int, flags: int, payload: bytes) -> None:
        if kind == PING and not flags & ACK:
            self.pings += 1

    def _answered(self, kind: int, flags: int, payload: bytes) -> None:
        if kind == PING and not flags & ACK:
            self.pings_back += 1
        elif kind == GOAWAY:
            self.goaways.append((int.from_bytes(payload[4:8]), payload[8:]))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
