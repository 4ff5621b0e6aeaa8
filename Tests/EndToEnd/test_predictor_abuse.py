"""Attacks on the Predictor: whatever clients send, small predictions beside them succeed and soon, memory stays bounded,
and nothing is left behind.

The Predictor has one worker, so the witness's calls are served by the thread that the attackers keep busy. Attackers come
from another address, so that what they hold isn't the witness's.
"""

import contextlib
import gzip
import json
import pickle
import random
import socket
import struct
import threading
import time
import zlib

import grpc
import numpy
import pytest
from hyperframe.frame import HeadersFrame, RstStreamFrame, SettingsFrame
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from harness import predictor as predictors
from harness.attacker import (
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, SETTINGS, Attacker, assert_counted,
    assert_stopped, bomb, frame, reset, window_update,
)
from harness.attacks import BROKEN, CONTROL
from harness.footprint import Footprint, assert_back_at
from harness.predictor_witness import INFER, PATHS, ROW, STREAM, PredictorWitness, infer_request
from harness.process import eventually
from harness.raw_http2 import CANCEL, ENHANCE_YOUR_CALM, INITIAL_WINDOW_SIZE, NO_ERROR, RawConnection, grpc_message, grpc_request
from harness.slow_clients import SlowClients

IRIS = load_iris()
MEBIBYTE = 1 << 20
FLOOD = 20_000
ATTACKER = "127.0.0.2"
#: What a worker may hold of messages on their way.
BUFFERED = 256 * MEBIBYTE
#: By how much memory may grow for a while under an attack that makes the server hold nothing.
LITTLE = 64 * MEBIBYTE


@pytest.fixture(scope="session")
def forest(tmp_path_factory):
    """A forest whose rows take long enough for batches to be worked out apart from single rows."""
    path = tmp_path_factory.mktemp("abuse") / "forest.pkl"
    model = RandomForestClassifier(100, random_state=1).fit(IRIS.data, IRIS.target_names[IRIS.target])
    path.write_bytes(pickle.dumps(model))
    return path


@pytest.fixture
def predictor(start_process, forest, request):
    """A Predictor of one worker, which serves the forest; or the shipped model, where a test's parameter is `linear`."""
    is_linear = getattr(request, "param", None) == "linear"
    environment = predictors.environment(predictors.model("v1.0.0") if is_linear else forest, WORKERS="1")
    return predictors.Predictor(
        start_process(
            [predictors.BINARY], name="predictor",
            env=environment if is_linear else environment | {"MODEL_VERSION": "v1"}))


class Attack:
    """How much memory an attack may take, for a test to change."""

    def __init__(self):
        self.most_growth = LITTLE


@pytest.fixture
def attack(predictor, request):
    """A witness beside the attack; afterwards, the Predictor answers at once, holds what it held before, and ends well."""
    allowed = Attack()
    with PredictorWitness(predictor):
        pass
    before = Footprint.of(predictor)
    predictor.process.forget_peak()
    try:
        with PredictorWitness(predictor) as witness:
            yield allowed
            witness.wait_served(10)
    finally:
        peak = predictor.process.peak_resident_bytes - before.resident_bytes
        print(f"memory at most {peak / MEBIBYTE:+.1f} MiB")
    assert peak <= allowed.most_growth, f"{peak / MEBIBYTE:.1f} MiB"
    assert_back_at(before, predictor, growth=max(LITTLE, allowed.most_growth))
    with PredictorWitness(predictor):
        pass
    assert predictor.process.stop() == 0


def attacker_of(predictor, **options) -> Attacker:
    return Attacker(predictor.address, source=ATTACKER, **options)


def unfinished(attacker: Attacker, stream: int, path: str = PATHS[INFER], *extra) -> bytes:
    return attacker.request(stream, *extra, flags=END_HEADERS, path=path)


def pieces(stream: int, data: bytes) -> bytes:
    """DATA frames of any amount of data, without the end of the stream."""
    return b"".join(frame(DATA, 0, stream, data[at : at + 16_384]) for at in range(0, len(data), 16_384))


def whole_call(attacker: Attacker, stream: int, message: bytes, path: str = PATHS[INFER], *extra) -> bytes:
    """A call with a message of at most one frame."""
    return unfinished(attacker, stream, path, *extra) + frame(DATA, END_STREAM, stream, message)


# MARK: Frames


@pytest.mark.parametrize("code", [CANCEL, NO_ERROR])
def test_rapid_reset(predictor, attack, code):
    """CVE-2023-44487: calls that are given up when most of their message has come."""
    message = grpc_message(infer_request([ROW]))[:-1]
    with attacker_of(predictor) as attacker:
        for stream in range(1, 6_000, 2):
            if not attacker.send(unfinished(attacker, stream) + frame(DATA, 0, stream, message) + reset(stream, code)):
                break
        assert_stopped(predictor, attacker, "resets")


def test_rapid_reset_of_long_work(predictor, attack):
    """Calls that are cancelled when their batches wait to be worked out: the batches aren't all worked out for nobody."""
    message = gzip_message(infer_request([ROW] * 20_000))
    with attacker_of(predictor) as attacker:
        for stream in range(1, 2_000, 2):
            if not attacker.send(
                whole_call(attacker, stream, message, PATHS[INFER], ("grpc-encoding", "gzip")) + reset(stream)
            ):
                break
        assert attacker.wait_closed(), "the connection is still open"
    attack.most_growth = 2 * BUFFERED


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_frames_that_break_http2(predictor, broken):
    with attacker_of(predictor) as attacker:
        attacker.send(attacker.request(1) + broken)
        assert attacker.wait_closed(), "the connection is still open"
        assert attacker.goaway.error_code not in (0, ENHANCE_YOUR_CALM), attacker.goaway
    assert_counted(predictor, "protocol_error")
    assert predictor.predict([ROW])["predictions"] == ["setosa"]


@pytest.mark.parametrize("flood", CONTROL.values(), ids=CONTROL)
def test_control_frames(predictor, attack, flood):
    """A flood from an attacker that reads nothing: answers must not pile up."""
    with attacker_of(predictor) as attacker:
        attacker.send(unfinished(attacker, 1) + unfinished(attacker, 3) + reset(3))
        attacker.flood(flood, FLOOD)
        assert_stopped(predictor, attacker, "control_frames")


def test_pings(predictor, attack):
    with attacker_of(predictor) as attacker:
        for _ in range(10):
            attacker.send(frame(PING, 0, 0, b"12345678"))
        assert_stopped(predictor, attacker, "pings")
        assert attacker.goaways[0].additional_data == b"too_many_pings"


def test_continuations(predictor, attack):
    """CVE-2024-28182: a header block that never ends."""
    with attacker_of(predictor) as attacker:
        attacker.send(attacker.request(1, flags=END_STREAM))
        attacker.flood(frame(CONTINUATION, 0, 1), FLOOD)
        assert_stopped(predictor, attacker, "control_frames")


def test_header_bomb(predictor, attack):
    """A large entry in the compression table, and thousands of references to it, again and again."""
    first, _ = bomb(3_000, 10_000)
    with attacker_of(predictor) as attacker:
        for stream in range(1, 2_001, 2):
            if not attacker.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, first)):
                break
        assert_stopped(predictor, attacker, "header_list")


def test_header_list_without_end(predictor, attack):
    """A block without an end, of fields too long to be kept."""
    with attacker_of(predictor) as attacker:
        attacker.send(unfinished(attacker, 1) + frame(HEADERS, END_STREAM, 3, b"\x00\x01a\x7f\x80\x80\x80\x08"))
        attacker.flood(frame(CONTINUATION, 0, 3, b"v" * 16_384), FLOOD)
        assert_stopped(predictor, attacker, "header_list")


def test_more_streams_than_allowed(predictor, attack):
    """A client that ignores the limit of streams has the others refused, and not for ever."""
    with attacker_of(predictor) as attacker:
        for stream in range(1, 2 * FLOOD, 2):
            if not attacker.send(unfinished(attacker, stream)):
                break
        assert_stopped(predictor, attacker, "control_frames")


# MARK: Connections


@pytest.mark.parametrize(
    "begin",
    [b"", PREFACE[:10], PREFACE + frame(SETTINGS), PREFACE + frame(SETTINGS) + frame(HEADERS, 0, 1, b"\x83"),
     b"GET / HTTP/1.1\r\nHost: x\r\n"],
    ids=["nothing", "half_a_preface", "no_call", "half_a_head", "http_1"],
)  # fmt: skip
def test_connections_that_are_held(predictor, attack, begin):
    with SlowClients(predictor.address, 1_000, begin) as attackers:
        eventually(lambda: attackers.held + attackers.closed >= 1_000, what="the attackers' connections", timeout=60)


def test_bodies_that_come_slowly(predictor, attack):
    """A thousand connections whose messages come byte by byte. Nobody waits for them but themselves."""
    with attacker_of(predictor) as one:
        head = unfinished(one, 1)
    begin = PREFACE + frame(SETTINGS) + head + frame(DATA, 0, 1, struct.pack(">BI", 0, 1_000))
    with SlowClients(predictor.address, 1_000, begin, frame(DATA, 0, 1, b"a")):
        eventually(lambda: predictor.load()[0] >= 900, what="the attackers' calls", timeout=60)


def test_connections_that_come_and_go(predictor, attack):
    """Thousands of connections, closed or reset at any point of their beginning."""
    host, port = predictor.address.rsplit(":", 1)
    with attacker_of(predictor) as one:
        beginnings = [b"", PREFACE, PREFACE + frame(SETTINGS), PREFACE + frame(SETTINGS) + unfinished(one, 1)]
    lingers = struct.pack("ii", 1, 0)
    for number in range(4_000):
        with socket.create_connection((host, int(port)), 10, (ATTACKER, 0)) as connection:
            connection.sendall(beginnings[number % 4])
            if number % 3:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingers)


# MARK: Messages


def gzip_message(message: bytes, coding=gzip.compress) -> bytes:
    packed = coding(message)
    return struct.pack(">BI", 1, len(packed)) + packed


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_lengths_that_lie(predictor, attack, path):
    """A message that says it has 4 GiB is refused by its length; one that says 4 MiB takes what has come of it."""
    with attacker_of(predictor) as attacker:
        attacker.send(unfinished(attacker, 1, path) + frame(DATA, 0, 1, b"\0\xff\xff\xff\xff" + b"x" * 100))
        assert attacker.wait_frame(HeadersFrame, 1)
        for stream in range(3, 2_003, 2):
            attacker.send(unfinished(attacker, stream, path) + frame(DATA, 0, stream, struct.pack(">BI", 0, 4 << 20)))
        eventually(lambda: predictor.load()[0] >= 1_000, what="the attacker's calls")
    with RawConnection.connect(predictor.address, ATTACKER) as raw:
        # The first byte of a message's head is 0 or 1.
        for prefix, code, text in ((b"\x02\0\0\0\0", b"13", b"byte 2"), (b"\0\xff\xff\xff\xff", b"8", b"4294967295")):
            stream = raw.open(grpc_request(path))
            stream.send_data(prefix)
            stream.wait_end()
            assert stream.grpc_status == code and text in stream.grpc_status_message


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compression_bombs(predictor, attack, coding):
    """A message of 200 KB that would become 200 MiB, over and over: refused where it passes 4 MiB."""
    compress = gzip.compress if coding == "gzip" else zlib.compress
    attacks = gzip_message(bytes(200 * MEBIBYTE), compress)
    with RawConnection.connect(predictor.address, ATTACKER) as raw:
        for _ in range(50):
            stream = raw.open(grpc_request(PATHS[INFER], ("grpc-encoding", coding)))
            # The call may be refused before everything is sent.
            with contextlib.suppress(AssertionError):
                stream.send_data(attacks, end_stream=True)
            stream.wait_end()
            assert stream.grpc_status == b"8", stream
            del raw.streams[stream.id]


@pytest.mark.parametrize("damaged", [b"", b"\x1f\x8b", b"\x00" * 100, gzip.compress(b"x" * 100)[:-4],
                                     gzip.compress(b"x") + b"more"])  # fmt: skip
def test_messages_that_cannot_be_decompressed(predictor, damaged):
    with RawConnection.connect(predictor.address, ATTACKER) as raw:
        stream = raw.open(grpc_request(PATHS[INFER], ("grpc-encoding", "gzip")))
        stream.send_data(struct.pack(">BI", 1, len(damaged)) + damaged, end_stream=True)
        stream.wait_end()
        assert stream.grpc_status == b"13" and b"decompressed" in stream.grpc_status_message
    assert predictor.predict([ROW])["predictions"] == ["setosa"]


@pytest.mark.parametrize("predictor", ["linear", "forest"], indirect=True)
def test_small_messages_that_become_large(predictor, attack):
    """Messages within the limit that take a thousand times their bytes, from twenty connections at once, which wait for
    the single thread that works out batches."""
    attack.most_growth = BUFFERED + 2 * LITTLE
    message = gzip_message(infer_request([ROW] * 130_000, datatype="FP64"))
    assert len(message) < 16_384
    with contextlib.ExitStack() as stack:
        attackers = [stack.enter_context(attacker_of(predictor)) for _ in range(20)]
        for stream in range(1, 21, 2):
            for attacker in attackers:
                attacker.send(whole_call(attacker, stream, message, PATHS[INFER], ("grpc-encoding", "gzip")))
        for attacker in attackers:
            # Every call has its answer, a good one or none for want of room.
            attacker.wait_until(
                lambda: len({one.stream_id for one in attacker.frames if isinstance(one, HeadersFrame)}) >= 10,  # noqa: B023
                "an answer to each call", timeout=60)


@pytest.mark.parametrize("predictor", ["linear"], indirect=True)
@pytest.mark.parametrize("accepted", ["identity", "gzip"])
def test_answers_that_nobody_reads(predictor, attack, accepted):
    """Windows of zero, and questions whose answers are large: a thousandfold of what was sent. What waits for clients that
    take nothing is bounded."""
    attack.most_growth = BUFFERED + 2 * LITTLE
    fields = (("grpc-encoding", "gzip"), ("grpc-accept-encoding", accepted))
    rows = gzip_message(infer_request([[1, 2, 3, 4]] * 100_000, datatype="UINT8", outputs=("predict", "predict_proba")))
    assert len(rows) < 16_384
    with contextlib.ExitStack() as stack:
        attackers = [
            stack.enter_context(attacker_of(predictor, settings={INITIAL_WINDOW_SIZE: 0})) for _ in range(4)
        ]
        # Each answer has 3.6 MiB, so that all of them would be 1.1 GiB.
        for stream in range(1, 160, 2):
            for attacker in attackers:
                attacker.send(whole_call(attacker, stream, rows, PATHS[INFER], *fields))
        for attacker in attackers:
            # Heads and resets need no window; calls are reset where the memory for answers is over.
            answered = (HeadersFrame, RstStreamFrame)
            attacker.wait_until(
                lambda: len({one.stream_id for one in attacker.frames if isinstance(one, answered)}) >= 80,  # noqa: B023
                "the head of each answer, or its end", timeout=100)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_messages_that_are_never_finished(predictor, attack, path):
    """A gigabyte in hundreds of messages that never end, from four connections: the calls that hold the most are ended
    where the memory for messages is over."""
    attack.most_growth = BUFFERED + 2 * LITTLE
    ended = []

    def send() -> None:
        with RawConnection.connect(predictor.address, ATTACKER) as raw:
            for _ in range(100):
                stream = raw.open(grpc_request(path))
                with contextlib.suppress(AssertionError):
                    stream.send_data(struct.pack(">BI", 0, 4 << 20) + bytes((4 << 20) - 1_000_000), timeout=20)
            ended.append(sum(1 for stream in raw.streams.values() if stream.grpc_status == b"8"))
            finished.wait(60)

    finished = threading.Event()
    threads = [threading.Thread(target=send, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(ended) == 4, what="all that the attackers send", timeout=120)
    finished.set()
    for thread in threads:
        thread.join(30)
    print(f"{ended} calls ended for want of memory")
    assert sum(ended) > 100


def test_methods_that_are_not_there(predictor, attack):
    """Thousands of calls of unknown methods, with bodies."""
    with RawConnection.connect(predictor.address, ATTACKER) as raw:
        for number in range(3_000):
            stream = raw.open(grpc_request(f"/unknown.Service{number}/{'x' * 500}"))
            # It may have been answered before its message.
            with contextlib.suppress(Exception):
                stream.send_data(grpc_message(b"x" * 1_000), end_stream=True)
            assert stream.wait_end().grpc_status == b"12"
            del raw.streams[stream.id]


METHODS = [
    *PATHS.values(), "/inference.GRPCInferenceService/ModelReady", "/inference.GRPCInferenceService/ModelMetadata",
    "/prediction.v1.PredictionService/PredictStream", "/grpc.health.v1.Health/Check",
]


def test_messages_that_are_no_messages(predictor, attack):
    """Bytes of any kind in place of messages, cut off, changed and nested without end: each call is refused in words or,
    where they happen to be a message, answered."""
    chance = random.Random(11)
    good = infer_request([ROW] * 3, "an id", outputs=("predict", "predict_proba"))
    group = b"\x0b" * 100_000
    nested = b""
    for _ in range(200):
        nested = b"\x22" + bytes([len(nested) & 0x7F]) + nested
    codes: dict[bytes, int] = {}
    with RawConnection.connect(predictor.address, ATTACKER) as raw:
        for number in range(1_500):
            kind = number % 5
            if kind == 0:
                message = chance.randbytes(chance.randrange(200))
            elif kind == 1:
                message = good[: chance.randrange(len(good))]
            elif kind == 2:
                changed = bytearray(good)
                for _ in range(chance.randrange(1, 6)):
                    changed[chance.randrange(len(changed))] = chance.randrange(256)
                message = bytes(changed)
            elif kind == 3:
                message = group[: chance.randrange(len(group))]
            else:
                message = nested[chance.randrange(len(nested)) :]
            stream = raw.open(grpc_request(METHODS[number // 5 % len(METHODS)]))
            with contextlib.suppress(Exception):
                stream.send_data(grpc_message(message), end_stream=True)
            stream.wait_end()
            codes[stream.grpc_status] = codes.get(stream.grpc_status, 0) + 1
            del raw.streams[stream.id]
    print(codes)
    # OK, INVALID_ARGUMENT, NOT_FOUND; nothing is the server's fault.
    assert codes.keys() <= {b"0", b"3", b"5"}, codes
    assert codes[b"3"] > 300


REPEATED = {
    "inputs": b"\x2a\x00", "outputs": b"\x32\x00", "raw_input_contents": b"\x3a\x00", "parameters": b"\x22\x00",
    "contents": b"\x42\x00", "shape": b"\x01", "inputs_with_parameters": b"\x2a\x02\x22\x00",
    "unknown_fields": b"\xf8\x01\x00",
}  # fmt: skip


@pytest.mark.parametrize("path", [PATHS[INFER], PATHS[STREAM]], ids=[INFER, STREAM])
@pytest.mark.parametrize("part", REPEATED)
@pytest.mark.parametrize("predictor", ["linear"], indirect=True)
def test_messages_of_millions_of_parts(predictor, attack, path, part):
    """4 MiB, or some KB compressed, of empty inputs, outputs and others, in eight calls at once."""
    attack.most_growth = BUFFERED + 2 * LITTLE
    content = REPEATED[part] * ((4 * MEBIBYTE - 1_000) // len(REPEATED[part]))
    if part in ("contents", "shape"):
        # Within one input: its contents' texts, or its shape.
        if part == "contents":
            content = b"\x2a" + varint(len(content)) + content
        else:
            content = b"\x1a" + varint(len(content)) + content
        content = b"\x2a" + varint(len(content)) + content
    content = b"\x0a\x05model" + content
    message = gzip_message(content)
    with RawConnection.connect(predictor.address, ATTACKER) as raw:
        streams = [raw.open(grpc_request(path, ("grpc-encoding", "gzip"))) for _ in range(8)]
        for stream in streams:
            stream.send_data(message, end_stream=True)
        for stream in streams:
            stream.wait_end(60)
            # A stream's failure is in its message.
            assert stream.grpc_status in ((b"3", b"8") if path == PATHS[INFER] else (b"0", b"3", b"8")), stream


def varint(number: int) -> bytes:
    """A number as protobuf writes lengths."""
    written = b""
    while number > 0x7F:
        written += bytes([number & 0x7F | 0x80])
        number >>= 7
    return written + bytes([number])


SHAPES = [
    [-1, 4], [0, 4], [4, 0], [10**9, 4], [2**62, 4], [2**61, 8], [2**63 - 1, 2**63 - 1], [-(2**63), 4], [1, -4], [4],
    [], [1] * 1_000, [2**32, 2**32], [3, 2**31],
]  # fmt: skip


@pytest.mark.parametrize("is_raw", [True, False], ids=["raw", "typed"])
@pytest.mark.parametrize("datatype", ["FP64", "BYTES", "BOOL", "FP16", "", "FP\0", "X" * 100_000])
def test_tensors_that_lie(predictor, is_raw, datatype):
    """Shapes whose sizes overflow, are negative, or promise what isn't there: INVALID_ARGUMENT, before anything is taken
    for them."""
    messages, services = predictors.stubs("inference")
    before = predictor.process.resident_bytes
    predictor.process.forget_peak()
    with grpc.insecure_channel(predictor.address) as channel:
        stub = services.GRPCInferenceServiceStub(channel)
        for shape in SHAPES:
            for raw in [b"", b"\xff" * 7, bytes(32)] if is_raw else [None]:
                request = messages.ModelInferRequest(model_name="model")
                part = request.inputs.add(name="x", datatype=datatype, shape=shape)
                if raw is None:
                    part.contents.fp64_contents.extend(ROW)
                else:
                    request.raw_input_contents.append(raw)
                with pytest.raises(grpc.RpcError) as failure:
                    stub.ModelInfer(request)
                assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT, shape
                assert len(failure.value.details()) < 1_000
    assert predictor.process.peak_resident_bytes - before < LITTLE


# MARK: HTTP

DEEP = "[" * 1_000_000
NUMBER = "9" * 1_000_000
BOMBS = {
    "deep": '{"inputs":' + DEEP,
    "deep_and_closed": '{"instances":' + DEEP + "]" * 1_000_000 + "}",
    "deep_objects": '{"a":' * 500_000,
    "long_number": '{"instances":[[' + NUMBER + ",1,1,1]]}",
    "long_exponent": '{"instances":[[1e' + NUMBER + ",1,1,1]]}",
    "long_fraction": '{"instances":[[0.' + "0" * 1_000_000 + "1,1,1]]}",
    "long_string": '{"' + "x" * 4_000_000 + '":1}',
    "long_escapes": '{"id":"' + "\\u0000" * 500_000 + '"}',
    "half_a_surrogate": '{"id":"\\ud800"}',
    "many_members": "{" + ",".join(f'"a{number}":1' for number in range(400_000)) + "}",
    "many_rows_of_nothing": '{"instances":[' + "[]," * 1_000_000 + "[]]}",
    "many_inputs": '{"inputs":[' + "{}," * 1_000_000 + "{}]}",
    "long_shape": '{"inputs":[{"name":"x","datatype":"FP64","shape":[' + "1," * 1_000_000 + '1],"data":[]}]}',
    "lying_shape": '{"inputs":[{"name":"x","datatype":"FP64","shape":[1000000000,4],"data":[1]}]}',
    "nested_data": '{"inputs":[{"name":"x","datatype":"FP64","shape":[1,4],"data":' + DEEP + "]" * 1_000_000 + "}]}",
    "lying_size": '{"inputs":[{"name":"x","datatype":"FP64","shape":[1,4],"parameters":'
    '{"binary_data_size":9223372036854775807}}]}',
    "negative_size": '{"inputs":[{"name":"x","datatype":"FP64","shape":[1,4],"parameters":{"binary_data_size":-1}}]}',
}  # fmt: skip


@pytest.mark.parametrize("path", ["/predict", "/v2/models/model/infer"])
@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_json_bombs(predictor, attack, path, body):
    """Each is refused by 400, whatever it costs to read; two clients send it at a time."""
    attack.most_growth = 4 * LITTLE

    def send() -> None:
        for _ in range(4):
            status, _, answer = predictor.request("POST", path, body.encode())
            assert status == 400 and len(answer["error"]) < 1_000, (status, str(answer)[:200])
            ends.append(status)

    ends: list[int] = []
    threads = [threading.Thread(target=send, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ends) == 8


@pytest.mark.parametrize("predictor", ["linear"], indirect=True)
@pytest.mark.parametrize("path", ["/predict", "/v2/models/model/infer"])
def test_http_answers_that_nobody_reads(predictor, attack, path):
    """Sixty answers of megabytes to clients that take none of them: the bytes that are held are bounded, whoever doesn't fit
    gets 503 or is cut off, and others are served."""
    attack.most_growth = 4 * LITTLE
    rows = [[1, 2, 3, 4]] * 100_000
    tensor = {"name": "x", "datatype": "UINT8", "shape": [100_000, 4], "data": [1, 2, 3, 4] * 100_000}
    content = {"instances": rows} if path == "/predict" else {"inputs": [tensor], "outputs": [{"name": "predict_proba"}]}
    body = json.dumps(content, separators=(",", ":")).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    host, port = predictor.http_address.rsplit(":", 1)
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            connection = stack.enter_context(socket.socket())
            # Little fits into the buffers between.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            connection.settimeout(30)
            connection.connect((host, int(port)))
            with contextlib.suppress(ConnectionError):
                connection.sendall(head + body)
                # The first bytes of the answer, whatever it is.
                connection.recv(12)
        with PredictorWitness(predictor):
            pass


# MARK: Work


@pytest.mark.parametrize("how", ["grpc", "stream", "http"])
def test_large_batches_hold_nobody_up(predictor, attack, how):
    """Four clients ask for batches of 10,000 rows without a pause; single rows are answered beside them."""
    attack.most_growth = 4 * LITTLE
    rows = [IRIS.data[number % 150].tolist() for number in range(10_000)]
    message = infer_request(rows, outputs=("predict", "predict_proba"))
    body = json.dumps({"instances": rows})
    done: list[int] = []

    def ask_grpc() -> None:
        with RawConnection.connect(predictor.address, ATTACKER) as raw:
            for _ in range(15):
                stream = raw.open(grpc_request(PATHS[INFER]))
                stream.send_data(grpc_message(message), end_stream=True)
                while stream.read(60):
                    pass
                assert stream.wait_end().grpc_status == b"0"
                del raw.streams[stream.id]
                done.append(1)

    def ask_stream() -> None:
        with RawConnection.connect(predictor.address, ATTACKER) as raw:
            stream = raw.open(grpc_request(PATHS[STREAM]))
            for _ in range(15):
                stream.send_data(grpc_message(message), timeout=60)
                answer = b""
                while len(answer) < 5 or len(answer) < 5 + int.from_bytes(answer[1:5], "big"):
                    answer += stream.read(60)
                done.append(1)

    def ask_http() -> None:
        for _ in range(15):
            status, _, answer = predictor.request("POST", "/predict", body)
            assert status == 200 and len(answer["predictions"]) == 10_000
            done.append(1)

    ask = {"grpc": ask_grpc, "stream": ask_stream, "http": ask_http}[how]
    threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert len(done) == 60


@pytest.mark.parametrize("how", ["reset", "disconnected"])
def test_work_for_nobody_is_not_done(predictor, attack, how):
    """A client asks for a hundred large batches and leaves. The next client's batch doesn't wait for them to be worked out."""
    attack.most_growth = BUFFERED + 2 * LITTLE
    rows = numpy.resize(IRIS.data, (120_000, 4)).astype("<f8")
    message = gzip_message(raw_request(rows))
    head = ("grpc-encoding", "gzip"), ("grpc-accept-encoding", "identity")
    with RawConnection.connect(predictor.address, ATTACKER) as raw:
        streams = [raw.open(grpc_request(PATHS[INFER], *head)) for _ in range(100)]
        for stream in streams:
            stream.send_data(message, end_stream=True)
        raw.ping()
        if how == "reset":
            for stream in streams:
                if not stream.finished:
                    stream.reset(CANCEL)
            raw.ping()
        else:
            raw.abort()
    began = time.monotonic()
    with RawConnection.connect(predictor.address) as raw:
        stream = raw.open(grpc_request(PATHS[INFER]))
        stream.send_data(grpc_message(raw_request(rows[:10_000])), end_stream=True)
        while stream.read(60):
            pass
        assert stream.wait_end().grpc_status == b"0"
    assert time.monotonic() - began < 3


def raw_request(rows) -> bytes:
    """A request of `ModelInfer` with an array of FP64."""
    messages, _ = predictors.stubs("inference")
    request = messages.ModelInferRequest(model_name="model", raw_input_contents=[rows.tobytes()])
    request.inputs.add(name="x", datatype="FP64", shape=rows.shape)
    return request.SerializeToString()


def test_small_calls_in_a_flood(predictor, attack):
    """Thousands of good calls at once on one connection: they are all answered, and so is the witness."""
    message = grpc_message(infer_request([ROW]))
    with attacker_of(predictor, settings={INITIAL_WINDOW_SIZE: MEBIBYTE}) as attacker:
        attacker.wait_frame(SettingsFrame, 0)
        attacker.send(frame(SETTINGS, ACK) + window_update(0, 1 << 30))
        answers = set()
        for first in range(1, 20_001, 1_000):
            streams = range(first, first + 1_000, 2)
            attacker.send(b"".join(whole_call(attacker, stream, message) for stream in streams))
            wanted = set(streams)
            attacker.wait_until(
                lambda: wanted <= {one.stream_id for one in attacker.frames if isinstance(one, HeadersFrame)},  # noqa: B023
                "the answers", timeout=30)
            answers |= wanted
            attacker.frames.clear()
        assert len(answers) == 10_000 and attacker.goaway is None
