"""Long streams to the echo backend: each message is answered with its number and its backend."""

import json

from harness.raw_http2 import RawConnection, RawStream, grpc_message, grpc_request


def open_stream(connection: RawConnection) -> RawStream:
    """Opens a stream and exchanges one message on it."""
    stream = connection.open(grpc_request("/echo.Echo/LongStream"))
    exchange(stream, 0)
    return stream


def exchange(stream: RawStream, seq: int) -> dict:
    """Sends message `seq`; returns its answer."""
    before = len(stream.messages)
    stream.send_data(grpc_message(b'{"seq": %d}' % seq))
    stream.wait(lambda s: len(s.messages) > before or s.finished, f"message {seq}")
    answer = json.loads(stream.messages[before])
    assert answer["seq"] == seq
    return answer


def finish(stream: RawStream) -> None:
    """Half-closes the stream, which has to end well."""
    stream.send_data(b"", end_stream=True)
    stream.wait_end()
    assert stream.grpc_status == b"0", stream
