"""The answers of a backend on h2 to the witness (harness/witness.py)."""

import contextlib
from collections.abc import Callable

from h2.exceptions import ProtocolError

from harness.raw_http2 import RawStream, grpc_message, grpc_payloads, grpc_response, to_bytes
from harness.witness_shapes import PATHS, STREAM, answer

# Seconds that a stream waits for its next message: as long as a test may take.
PATIENCE = 180


def whole(stream: RawStream) -> bytes:
    """Reads the request's body. Credit is given as it is read, and nothing of it is kept elsewhere."""
    body = b""
    while data := stream.read(PATIENCE):
        body += data
    return body


def serve(stream: RawStream, shape: str) -> None:
    if shape == STREAM:
        stream.send_headers(grpc_response())
        while data := stream.read(PATIENCE):
            stream.send_data(data, timeout=PATIENCE)
    else:
        (message,) = grpc_payloads(whole(stream))
        stream.send_headers(grpc_response())
        stream.send_data(grpc_message(answer(shape, message)), timeout=PATIENCE)
    stream.send_headers(to_bytes([("grpc-status", "0")]), True)


def handler(shape: str) -> Callable[[RawStream], None]:
    def handle(stream: RawStream) -> None:
        # If a call or its connection is cut short here, the witness reports it.
        with contextlib.suppress(ProtocolError, AssertionError, ValueError):
            serve(stream, shape)

    return handle


#: Handlers by path, for a `RawServer`.
HANDLERS = {path: handler(shape) for path, shape in PATHS.items()}
