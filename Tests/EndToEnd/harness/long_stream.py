"""Long streams of the echo backend, as tests hold them: each message is answered with its number and its backend."""

import json

from harness.raw_http2 import RawConnection, RawStream, grpc_message, grpc_request


def open_stream(connection: RawConnection) -> RawStream:
    """A stream on which one message has been exchanged."""
    stream = connection.open(grpc_request("/echo.Echo/LongStream"))
    exchange(stream, 0)
    return stream


def exchange(stream: RawStream, seq: int) -> dict:
    """Sends message `seq`; its answer."""
    before = len(stream.messages)
    stream.send_data(grpc_message(b'{"seq": %d}' % seq))
    stream.wait(lambda s: len(s.messages) > before or s.finished, f"message {seq}")
    answer = json.loads(stream.messages[before])
    assert answer["seq"] == seq
    return answer


def finish(stream: RawStream) -> None:
    """Half-closes the stream, which then ends well."""
    stream.send_data(b"", end_stream=True)
    stream.wait_end()
    assert stream.grpc_status == b"0", stream
