"""A TLS client for operations that Python's `ssl` lacks: it calls OpenSSL directly."""

import ctypes
import ctypes.util
import socket
from typing import Self

KEY_UPDATE_REQUESTED = 1


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(ctypes.util.find_library("ssl"))
    for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
        getattr(library, name).restype = ctypes.c_void_p
    return library


class OpenSSLClient:
    """A blocking connection that offers `h2` and verifies nothing."""

    def __init__(self, address: str, receive_buffer: int | None = None) -> None:
        self._library = _library()
        host, port = address.rsplit(":", 1)
        self._socket = socket.socket()
        self._socket.settimeout(15)
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.connect((host, int(port)))
        # OpenSSL needs a blocking socket; the system's timeout ends what takes too long.
        self._socket.setblocking(True)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self._socket.setsockopt(socket.SOL_SOCKET, option, (15).to_bytes(8, "little") + bytes(8))
        self._context = ctypes.c_void_p(self._library.SSL_CTX_new(ctypes.c_void_p(self._library.TLS_client_method())))
        self._library.SSL_CTX_set_alpn_protos(self._context, b"\x02h2", 3)
        self._ssl = ctypes.c_void_p(self._library.SSL_new(self._context))
        self._library.SSL_set_fd(self._ssl, self._socket.fileno())
        assert self._library.SSL_connect(self._ssl) == 1

    def send(self, data: bytes) -> None:
        assert self._library.SSL_write(self._ssl, data, len(data)) == len(data)

    def try_send(self, data: bytes) -> bool:
        """Sends bytes; `False` if the connection has ended."""
        return self._library.SSL_write(self._ssl, data, len(data)) == len(data)

    def receive(self) -> bytes:
        buffer = ctypes.create_string_buffer(65_536)
        count = self._library.SSL_read(self._ssl, buffer, len(buffer))
        assert count > 0, "the connection has ended"
        return buffer.raw[:count]

    def update_key(self) -> bool:
        """Sends a KeyUpdate that asks for one in return; `False` if the connection has ended."""
        self._library.SSL_key_update(self._ssl, KEY_UPDATE_REQUESTED)
        return self._library.SSL_do_handshake(self._ssl) == 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self._library.SSL_free(self._ssl)
        self._library.SSL_CTX_free(self._context)
        self._socket.close()
