"""gRPC's interoperability test server on the Predictor's gRPC server, and what its tests send and look at."""

import struct
import zlib
from collections.abc import Sequence

from harness import predictor
from harness.process import BINARIES, ROOT, ManagedProcess
from harness.raw_http2 import RawConnection, RawStream, grpc_request

BINARY = BINARIES / "InteropServer"
SERVICE = "/grpc.testing.TestService"

#: What zlib tells its formats by.
_WINDOW_BITS = {"deflate": 15, "gzip": 31}


def stubs():
    """The modules of the service's messages and stubs."""
    return predictor.stubs("interop", ROOT / "Tests" / "InteropServer")


class InteropServer:
    """A running server; its address is read from its output."""

    def __init__(self, process: ManagedProcess):
        self.process = process
        self.address: str = process.wait_for_line(
            lambda text: text.startswith("listening on ") and text.split()[-1], what="its address", stream="stdout"
        )


# Frames: stock clients neither choose whether a message is compressed nor tell whether one was


def framed(message, coding: str | None = None) -> bytes:
    """A length-prefixed message, compressed if a coding is named."""
    content = message.SerializeToString()
    if coding:
        compressor = zlib.compressobj(wbits=_WINDOW_BITS[coding])
        content = compressor.compress(content) + compressor.flush()
    return struct.pack(">BI", bool(coding), len(content)) + content


def open_call(
    connection: RawConnection, method: str, *, encoding: str | None = None, accepts: str | None = None, metadata=()
) -> RawStream:
    """Begins a call, whose messages may be compressed by `encoding`."""
    fields = [("grpc-encoding", encoding), ("grpc-accept-encoding", accepts), *metadata]
    return connection.open(grpc_request(f"{SERVICE}/{method}", *[field for field in fields if field[1]]))


def answers(stream: RawStream, kind, encoding: str | None = None) -> list[tuple[bool, object]]:
    """The messages of a complete answer, each with whether it was compressed, by `encoding`."""
    found, rest = [], bytes(stream.data)
    while rest:
        compressed, length = struct.unpack(">BI", rest[:5])
        content, rest = rest[5 : 5 + length], rest[5 + length :]
        assert compressed in (0, 1) and len(content) == length
        if compressed:
            content = zlib.decompress(content, wbits=_WINDOW_BITS[encoding])
        found.append((bool(compressed), kind.FromString(content)))
    return found


def ask(
    connection: RawConnection, method: str, kind, messages: Sequence[bytes], *, encoding=None, accepts=None, metadata=()
) -> tuple[RawStream, list[tuple[bool, object]]]:
    """Makes a call with messages that are framed already; returns its stream once it has ended, and its answers."""
    stream = open_call(connection, method, encoding=encoding, accepts=accepts, metadata=metadata)
    stream.send_data(b"".join(messages), end_stream=True)
    stream.wait_end(30)
    named = dict(stream.headers).get(b"grpc-encoding", b"").decode() or None
    return stream, answers(stream, kind, named)
