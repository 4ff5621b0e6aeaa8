"""gRPC's interoperability tests of the Predictor's gRPC server, by stock grpcio, straight and through the Proxy: all
cases that need no cloud, but for cacheable_unary (gRPC over GET, which grpcio has given up) and the two of ORCA's load
reports, which no method here makes.

Each test with the name of a case does what https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
says. Where a case looks at whether a message was compressed, which grpcio doesn't tell, frames are sent and read as
they are.
"""

import itertools
import queue
import socket
import time
from concurrent import futures

import grpc
import pytest
from harness import interop
from harness.certificates import Authority
from harness.interop import framed
from harness.process import eventually
from harness.raw_http2 import RawConnection, grpc_request

messages, services = interop.stubs()
ZEROS = {size: bytes(size) for size in (8, 1828, 27182, 45904, 271828, 314159)}
#: What ping_pong and others send, and what they ask for.
SENT, ASKED = [27182, 8, 1828, 45904], [31415, 9, 2653, 58979]
METADATA = (("x-grpc-test-echo-initial", "test_initial_metadata_value"), ("x-grpc-test-echo-trailing-bin", b"\xab" * 3))
MAX_MESSAGE = 64 << 20


@pytest.fixture
def start_interop(start_process):
    """Starts an InteropServer for this test."""

    def start(*flags: str) -> interop.InteropServer:
        if not interop.BINARY.exists():
            pytest.skip("the server is not built: scripts/swift.sh build --product InteropServer")
        return interop.InteropServer(start_process([interop.BINARY, *flags], name="interop"))

    return start


@pytest.fixture(params=["straight", "through the proxy"])
def address(request, start_interop, start_proxy) -> str:
    """Where the service is called."""
    server = start_interop("--workers=2", f"--max_message_size={MAX_MESSAGE}").address
    if request.param == "straight":
        return server
    return start_proxy(blue=server, green=server, health_check="none", max_concurrent_streams=1024).address


@pytest.fixture
def channel(address, open_channel) -> grpc.Channel:
    return open_channel(address)


@pytest.fixture
def stub(channel):
    return services.TestServiceStub(channel)


@pytest.fixture
def raw(address, connect_raw) -> RawConnection:
    """A connection whose frames are seen."""
    return connect_raw(address)


def payload(size: int):
    return messages.Payload(body=ZEROS.get(size) or bytes(size))


def simple(response_size: int = 314159, size: int = 271828, **fields):
    return messages.SimpleRequest(response_size=response_size, payload=payload(size), **fields)


def output(*sizes: int, size: int | None = None, **fields):
    """A request for payloads of some sizes."""
    request = messages.StreamingOutputCallRequest(**fields)
    for one in sizes:
        request.response_parameters.add(size=one)
    if size is not None:
        request.payload.CopyFrom(payload(size))
    return request


def flag(value: bool):
    return messages.BoolValue(value=value)


def sizes(answers) -> list[int]:
    """The sizes of payloads, which are all zeros."""
    bodies = [answer.payload.body for answer in answers]
    assert not any(body.strip(b"\0") for body in bodies)
    return [len(body) for body in bodies]


def failure(call, *arguments, **options) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        answer = call(*arguments, **options)
        list(answer)
    return caught.value.code(), caught.value.details()


class Requests:
    """Requests of a call that are sent when the test says so."""

    def __init__(self, *first):
        self._waiting: queue.SimpleQueue = queue.SimpleQueue()
        for one in first:
            self.send(one)

    def send(self, request) -> None:
        self._waiting.put(request)

    def end(self) -> None:
        self._waiting.put(None)

    def __iter__(self):
        return iter(self._waiting.get, None)


# The cases


def test_empty_unary(stub):
    answer = stub.EmptyCall(messages.Empty())
    assert answer == messages.Empty() and answer.ByteSize() == 0


@pytest.mark.parametrize("compression", grpc.Compression)
def test_large_unary(stub, compression):
    """With the client's messages compressed, and then the answers, too."""
    answer = stub.UnaryCall(simple(), compression=compression)
    assert sizes([answer]) == [314159] and answer.payload.type == messages.COMPRESSABLE


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_client_compressed_unary(raw, coding):
    for expects, compresses, status in (
        (True, False, b"3"),
        (True, True, b"0"),
        (False, False, b"0"),
        (False, True, b"3"),
    ):
        stream, answers = interop.ask(
            raw, "UnaryCall", messages.SimpleResponse,
            [framed(simple(expect_compressed=flag(expects)), coding if compresses else None)], encoding=coding,
        )  # fmt: skip
        assert stream.grpc_status == status, stream
        assert sizes(answer for _, answer in answers) == ([314159] if status == b"0" else [])


@pytest.mark.parametrize("accepts", ["gzip", "deflate", "identity,deflate,gzip", "x-new, gzip"])
def test_server_compressed_unary(raw, accepts):
    for wanted in (True, False):
        stream, [(compressed, answer)] = interop.ask(
            raw,
            "UnaryCall",
            messages.SimpleResponse,
            [framed(simple(response_compressed=flag(wanted)))],
            accepts=accepts,
        )
        assert (stream.grpc_status, compressed, sizes([answer])) == (b"0", wanted, [314159])
        assert len(stream.data) < 2000 or not wanted


def test_a_client_that_takes_no_compression_gets_none(raw):
    for accepts in (None, "identity", "x-new"):
        stream, [(compressed, answer)] = interop.ask(
            raw, "UnaryCall", messages.SimpleResponse, [framed(simple(response_compressed=flag(True)))], accepts=accepts
        )
        assert (stream.grpc_status, compressed, sizes([answer])) == (b"0", False, [314159])
        assert b"grpc-encoding" not in dict(stream.headers)


def test_client_streaming(stub):
    requests = [messages.StreamingInputCallRequest(payload=payload(size)) for size in (27182, 8, 1828, 45904)]
    assert stub.StreamingInputCall(iter(requests)).aggregated_payload_size == 74922
    assert stub.StreamingInputCall(iter([])).aggregated_payload_size == 0


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_client_compressed_streaming(raw, coding):
    def request(size: int, expects: bool):
        return messages.StreamingInputCallRequest(payload=payload(size), expect_compressed=flag(expects))

    def ask(*framed_messages: bytes):
        return interop.ask(
            raw, "StreamingInputCall", messages.StreamingInputCallResponse, framed_messages, encoding=coding
        )

    stream, _ = ask(framed(request(27182, True)))
    assert stream.grpc_status == b"3"
    stream, [(_, answer)] = ask(framed(request(27182, True), coding), framed(request(45904, False)))
    assert (stream.grpc_status, answer.aggregated_payload_size) == (b"0", 73086)


def test_server_streaming(stub):
    assert sizes(stub.StreamingOutputCall(output(*ASKED))) == ASKED
    assert sizes(stub.StreamingOutputCall(output())) == []


@pytest.mark.parametrize("order", [(True, False), (False, True), (True, True), (False, False)])
@pytest.mark.parametrize("accepts", ["gzip", "deflate"])
def test_server_compressed_streaming(raw, accepts, order):
    request = messages.StreamingOutputCallRequest()
    for size, compressed in zip((31415, 92653), order, strict=True):
        request.response_parameters.add(size=size, compressed=flag(compressed))
    stream, answers = interop.ask(
        raw, "StreamingOutputCall", messages.StreamingOutputCallResponse, [framed(request)], accepts=accepts
    )
    assert stream.grpc_status == b"0"
    assert tuple(compressed for compressed, _ in answers) == order
    assert sizes(answer for _, answer in answers) == [31415, 92653]


@pytest.mark.parametrize("compression", grpc.Compression)
def test_ping_pong(stub, compression):
    requests = Requests()
    answers = stub.FullDuplexCall(iter(requests), compression=compression)
    for asked, sent in zip(ASKED, SENT, strict=True):
        requests.send(output(asked, size=sent))
        assert sizes([next(answers)]) == [asked]
    requests.end()
    assert list(answers) == [] and answers.code() == grpc.StatusCode.OK


def test_half_duplex(stub):
    requests = Requests(*(output(asked, size=sent) for asked, sent in zip(ASKED, SENT, strict=True)))
    answers = stub.HalfDuplexCall(iter(requests))
    # The head comes at once, and answers only when all requests have come.
    answers.initial_metadata()
    with futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(next, answers)
        assert not futures.wait([first], 0.2).done
        requests.end()
        assert sizes([first.result(30), *answers]) == ASKED


def test_empty_stream(stub):
    answers = stub.FullDuplexCall(iter([]))
    assert list(answers) == [] and answers.code() == grpc.StatusCode.OK


def test_custom_metadata(stub):
    def check(call) -> None:
        assert METADATA[0] in [tuple(one) for one in call.initial_metadata()]
        assert METADATA[1] in [tuple(one) for one in call.trailing_metadata()]
        assert call.code() == grpc.StatusCode.OK

    answer, call = stub.UnaryCall.with_call(simple(), metadata=METADATA)
    assert sizes([answer]) == [314159]
    check(call)
    call = stub.FullDuplexCall(iter([output(314159, size=271828)]), metadata=METADATA)
    assert sizes(call) == [314159]
    check(call)


def test_initial_metadata_comes_before_any_request(stub):
    requests = Requests()
    call = stub.FullDuplexCall(iter(requests), metadata=METADATA, timeout=30)
    assert METADATA[0] in [tuple(one) for one in call.initial_metadata()]
    requests.end()
    assert list(call) == []


def test_status_code_and_message(stub):
    status = messages.EchoStatus(code=2, message="test status message")
    expected = (grpc.StatusCode.UNKNOWN, "test status message")
    assert failure(stub.UnaryCall, messages.SimpleRequest(response_status=status)) == expected
    assert failure(stub.FullDuplexCall, iter([output(response_status=status)])) == expected
    # It comes behind the answers before it.
    call = stub.FullDuplexCall(iter([output(5, 6), output(7, response_status=status), output(8)]))
    assert sizes(itertools.islice(call, 3)) == [5, 6, 7]
    assert failure(lambda: call) == expected


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code != grpc.StatusCode.OK])
def test_every_status_code(stub, code):
    status = messages.EchoStatus(code=code.value[0], message=code.name)
    assert failure(stub.UnaryCall, messages.SimpleRequest(response_status=status)) == (code, code.name)


@pytest.mark.parametrize(
    "text",
    [
        "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n",  # The case's own.
        "100 %, %20 and %zz", "\x7f\x00\x1f ~", "ж" * 500,
    ],
)  # fmt: skip
def test_special_status_message(stub, text):
    status = messages.EchoStatus(code=2, message=text)
    expected = (grpc.StatusCode.UNKNOWN, text)
    assert failure(stub.UnaryCall, messages.SimpleRequest(response_status=status)) == expected
    assert failure(stub.FullDuplexCall, iter([output(1, response_status=status)])) == expected


def test_unimplemented_method(stub):
    assert failure(stub.UnimplementedCall, messages.Empty())[0] == grpc.StatusCode.UNIMPLEMENTED


def test_unimplemented_service(channel):
    unimplemented = services.UnimplementedServiceStub(channel)
    assert failure(unimplemented.UnimplementedCall, messages.Empty())[0] == grpc.StatusCode.UNIMPLEMENTED


def test_cancel_after_begin(stub):
    call = stub.StreamingInputCall.future(iter(Requests()))
    assert call.cancel()
    assert call.cancelled() and call.code() == grpc.StatusCode.CANCELLED


def test_cancel_after_first_response(stub):
    call = stub.FullDuplexCall(iter(Requests(output(31415, size=27182))))
    assert sizes([next(call)]) == [31415]
    call.cancel()
    assert failure(lambda: call)[0] == grpc.StatusCode.CANCELLED
    # The connection is as good as before.
    assert sizes([stub.UnaryCall(simple())]) == [314159]


def test_timeout_on_sleeping_server(stub):
    requests = Requests(output(size=27182))
    assert failure(stub.FullDuplexCall, iter(requests), timeout=0.001)[0] == grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("method", ["FullDuplexCall", "StreamingInputCall", "StreamingOutputCall"])
def test_the_server_keeps_the_deadline_itself(raw, method):
    """A client that only says how long it waits is told when that is over."""
    began = time.monotonic()
    stream = interop.open_call(raw, method, metadata=[("grpc-timeout", "200m")])
    stream.wait_finish(30)
    assert stream.grpc_status == b"4", stream
    assert time.monotonic() - began > 0.19


def test_answers_wait_as_long_as_is_asked(stub):
    request = messages.StreamingOutputCallRequest()
    for size in (1, 2, 3):
        request.response_parameters.add(size=size, interval_us=100_000)
    came = []
    for answer in stub.StreamingOutputCall(request):
        came.append((time.monotonic(), len(answer.payload.body)))
    assert [size for _, size in came] == [1, 2, 3]
    assert all(later - before > 0.09 for (before, _), (later, _) in itertools.pairwise(came))


def test_rpc_soak(stub):
    for _ in range(100):
        assert sizes([stub.UnaryCall(simple(), timeout=10)]) == [314159]


def test_channel_soak(address):
    for _ in range(50):
        with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            answer = services.TestServiceStub(channel).UnaryCall(simple(), timeout=10)
        assert sizes([answer]) == [314159]


def test_concurrent_large_unary(stub):
    request = simple()
    calls = [stub.UnaryCall.future(request, timeout=60) for _ in range(200)]
    assert sizes(call.result() for call in calls) == [314159] * len(calls)


# Beyond the cases


def test_a_thousand_calls_at_once_on_one_connection(stub):
    """All of them are open before the first goes on, and each has its own answers."""
    calls = []
    for number in range(1000):
        requests = Requests(output(number + 1, size=8))
        calls.append((requests, stub.FullDuplexCall(iter(requests), timeout=120)))
    for number, (_, call) in enumerate(calls):
        assert sizes([next(call)]) == [number + 1]
    for number, (requests, _) in enumerate(calls):
        requests.send(output(number + 2, 5))
        requests.end()
    for number, (_, call) in enumerate(calls):
        assert sizes(call) == [number + 2, 5] and call.code() == grpc.StatusCode.OK


def test_answers_that_nobody_reads_hold_up_no_other_call(stub):
    """64 MiB of answers in one call; the server has more to do meanwhile."""
    call = stub.StreamingOutputCall(output(*[1 << 20] * 64), timeout=60)
    assert sizes([next(call)]) == [1 << 20]
    for _ in range(5):
        assert sizes([stub.UnaryCall(simple(), timeout=20)]) == [314159]
    assert sizes(call) == [1 << 20] * 63


def of_size(kind, field: str, total: int):
    """A message that is `total` bytes long, by the length of its payload."""
    message = kind(**{field: messages.Payload(body=bytes(total))})
    body = total - (message.ByteSize() - total)
    message = kind(**{field: messages.Payload(body=bytes(body))})
    assert message.ByteSize() == total
    return message


@pytest.mark.parametrize(
    "compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip, grpc.Compression.Deflate]
)
def test_messages_of_64_mebibytes(stub, compression):
    """Exactly as many as allowed go through, one more doesn't, and answers may be as long."""
    request = of_size(messages.SimpleRequest, "payload", MAX_MESSAGE)
    assert sizes([stub.UnaryCall(request, timeout=60, compression=compression)]) == [0]
    longer = of_size(messages.SimpleRequest, "payload", MAX_MESSAGE + 1)
    code, text = failure(stub.UnaryCall, longer, timeout=60, compression=compression)
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED and f"at most {MAX_MESSAGE}" in text
    size = MAX_MESSAGE - 20
    assert sizes([stub.UnaryCall(simple(size, 8), timeout=60, compression=compression)]) == [size]


def test_tls(start_interop, open_channel, tmp_path):
    """ALPN and a verified certificate."""
    authority = Authority(tmp_path)
    certificate = authority.issue("server")
    server = start_interop(f"--certificate={certificate.pem}", f"--key={certificate.key}")
    credentials = grpc.ssl_channel_credentials(authority.pem.read_bytes())
    with grpc.secure_channel(server.address, credentials) as channel:
        stub = services.TestServiceStub(channel)
        assert sizes([stub.UnaryCall(simple(), timeout=30)]) == [314159]
        assert sizes(stub.StreamingOutputCall(output(*ASKED), timeout=30)) == ASKED
        assert stub.StreamingInputCall(iter([]), timeout=30).aggregated_payload_size == 0


# What no stock client sends


ONE = framed(messages.SimpleRequest(response_size=1))


@pytest.mark.parametrize(
    ("content", "encoding", "status", "says"),
    [
        (b"", None, b"13", "no message"),
        (ONE + ONE, None, b"13", "more than one message"),
        (ONE[:3], None, b"13", "within a message"),
        (ONE[:-1], None, b"13", "within a message"),
        (b"\x02" + ONE[1:], None, b"13", "byte 2"),
        (b"\x01" + ONE[1:], None, b"13", "doesn't say how"),
        (b"\x01" + ONE[1:], "identity", b"13", "doesn't say how"),
        (b"\x01" + ONE[1:], "gzip", b"13", "can't be decompressed by gzip"),
        (framed(messages.SimpleRequest(response_size=1), "gzip"), "deflate", b"13", "can't be decompressed by deflate"),
        (b"\x01" + ONE[1:], "x-new", b"12", "identity,gzip,deflate"),
        (b"\x00\x00\x00\x00\x02\x0a\xff", None, b"3", "not one that the method takes"),
    ],
)  # fmt: skip
def test_messages_that_break_the_protocol(raw, content, encoding, status, says):
    stream = interop.open_call(raw, "UnaryCall", encoding=encoding)
    stream.send_data(content, end_stream=True)
    stream.wait_end()
    assert stream.grpc_status == status and says.encode() in stream.grpc_status_message, stream
    if status == b"12":
        assert dict(stream.trailers or stream.headers)[b"grpc-accept-encoding"] == b"identity,gzip,deflate"
    # Nothing of it is left on the connection.
    after, [(_, answer)] = interop.ask(raw, "UnaryCall", messages.SimpleResponse, [ONE])
    assert after.grpc_status == b"0" and sizes([answer]) == [1]


def test_a_message_of_unknown_coding_that_is_not_compressed(raw):
    """The coding counts where a message uses it."""
    stream, [(_, answer)] = interop.ask(raw, "UnaryCall", messages.SimpleResponse, [ONE], encoding="x-new")
    assert stream.grpc_status == b"0" and sizes([answer]) == [1]


def test_a_small_message_that_unpacks_to_too_much(start_interop, connect_raw):
    raw = connect_raw(start_interop("--max_message_size=1000000").address)
    bomb = framed(simple(1, 1_000_000), "gzip")
    assert len(bomb) < 2000
    stream = interop.open_call(raw, "UnaryCall", encoding="gzip")
    stream.send_data(bomb, end_stream=True)
    stream.wait_end()
    assert stream.grpc_status == b"8", stream


@pytest.mark.parametrize(
    ("method", "kind", "status"),
    [
        (b"POST", b"application/grpc", b"200"), (b"POST", b"application/grpc+proto", b"200"),
        (b"POST", b"application/grpc;charset=utf-8", b"200"), (b"POST", b"application/grpc-web", b"415"),
        (b"POST", b"application/grpcx", b"415"), (b"POST", b"application/json", b"415"), (b"POST", b"", b"415"),
        (b"GET", b"application/grpc", b"405"), (b"POSTS", b"application/grpc", b"405"),
    ],
)  # fmt: skip
def test_what_is_no_grpc_call(start_interop, connect_raw, method, kind, status):
    raw = connect_raw(start_interop().address)
    head = {**dict(grpc_request(f"{interop.SERVICE}/UnaryCall")), b":method": method, b"content-type": kind}
    stream = raw.open(list(head.items()))
    stream.send_data(ONE, end_stream=True)
    stream.wait_end()
    assert stream.status == status, stream
    assert stream.grpc_status == (b"0" if status == b"200" else None)
    after, _ = interop.ask(raw, "UnaryCall", messages.SimpleResponse, [ONE])
    assert after.grpc_status == b"0"


def test_a_long_request_that_is_refused_at_once(channel):
    """Its status reaches a client that is still sending."""
    call = channel.unary_unary("/grpc.testing.TestService/UnimplementedCall")
    for _ in range(10):
        assert failure(call, bytes(16 << 20), timeout=30)[0] == grpc.StatusCode.UNIMPLEMENTED


def test_a_stream_of_requests_that_is_refused_at_once(stub):
    """The client goes on for as long as nobody stops it."""
    bad = output(1, response_status=messages.EchoStatus(code=9, message="enough"))
    for _ in range(10):
        requests = itertools.chain([bad], itertools.repeat(output(1, size=271828)))
        code, text = failure(stub.FullDuplexCall, requests, timeout=30)
        assert (code, text) == (grpc.StatusCode.FAILED_PRECONDITION, "enough")


def test_a_graceful_end(start_interop, open_channel):
    """Calls go on, and new ones go elsewhere."""
    server = start_interop()
    stub = services.TestServiceStub(open_channel(server.address))
    requests = Requests(output(1))
    call = stub.FullDuplexCall(iter(requests), timeout=30)
    assert sizes([next(call)]) == [1]
    server.process.popen.stdin.close()
    eventually(lambda: not accepts(server.address), what="an end of new connections")
    requests.send(output(2))
    assert sizes([next(call)]) == [2]
    requests.end()
    assert list(call) == [] and call.code() == grpc.StatusCode.OK
    assert server.process.wait() == 0


def accepts(address: str) -> bool:
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("pieces", [1, 3, 1000])
def test_a_request_in_pieces(raw, pieces):
    """Each piece is a frame of its own, wherever a message begins or ends."""
    whole = b"".join(framed(output(size, size=sent)) for size, sent in zip(ASKED, SENT, strict=True))
    if pieces == 1:
        whole = framed(output(9, size=8)) * 3
    stream = interop.open_call(raw, "FullDuplexCall")
    for start in range(0, len(whole), pieces):
        stream.send_data(whole[start : start + pieces], end_stream=start + pieces >= len(whole))
    stream.wait_end()
    found = sizes(answer for _, answer in interop.answers(stream, messages.StreamingOutputCallResponse))
    assert (found, stream.grpc_status) == ([9] * 3 if pieces == 1 else ASKED, b"0")
