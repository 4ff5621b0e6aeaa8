"""Two versions behind a Proxy whose calls are copied, and what tests of that say and count."""

import contextlib
import json
import struct
from collections.abc import Callable
from pathlib import Path

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness.process import eventually
from harness.raw_http2 import RawServer, RawStream, grpc_message, grpc_response, to_bytes, values

METHOD = "/model.Service/Predict"
OK = (("grpc-status", "0"),)


# Messages


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def number(field: int, value: float) -> bytes:
    """A double field of a message."""
    return varint(field << 3 | 1) + struct.pack("<d", value)


def delimited(field: int, value: bytes | str) -> bytes:
    """A field with a string, bytes or a message."""
    content = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(content)) + content


_Field = descriptor_pb2.FieldDescriptorProto


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="model.proto", package="model", syntax="proto3")
    answer = file.message_type.add(name="Answer")
    entry = answer.nested_type.add(name="NamedEntry")
    entry.options.map_entry = True
    for name, kind in (("key", _Field.TYPE_STRING), ("value", _Field.TYPE_DOUBLE)):
        entry.field.add(name=name, number=len(entry.field) + 1, type=kind, label=_Field.LABEL_OPTIONAL)
    for name, kind, label in (
        ("score", _Field.TYPE_DOUBLE, _Field.LABEL_OPTIONAL),
        ("name", _Field.TYPE_STRING, _Field.LABEL_OPTIONAL),
        ("count", _Field.TYPE_INT64, _Field.LABEL_OPTIONAL),
        ("row", _Field.TYPE_DOUBLE, _Field.LABEL_REPEATED),
        ("named", _Field.TYPE_MESSAGE, _Field.LABEL_REPEATED),
        ("raw", _Field.TYPE_BYTES, _Field.LABEL_OPTIONAL),
    ):
        added = answer.field.add(name=name, number=len(answer.field) + 1, type=kind, label=label)
        if kind == _Field.TYPE_MESSAGE:
            added.type_name = ".model.Answer.NamedEntry"
    service = file.service.add(name="Service")
    service.method.add(name="Predict", input_type=".model.Answer", output_type=".model.Answer")
    return file


#: The types of `METHOD`.
model_pool = descriptor_pool.DescriptorPool()
model_pool.Add(_file())

#: The answers of `METHOD`: score, name, count, row (of doubles), named (a map of doubles), raw.
Answer = message_factory.GetMessageClass(model_pool.FindMessageTypeByName("model.Answer"))


def descriptors(folder: Path) -> Path:
    """A file that describes `METHOD` and its answers."""
    path = folder / "model.binpb"
    path.write_bytes(descriptor_pb2.FileDescriptorSet(file=[_file()]).SerializeToString())
    return path


# Servers


def is_copy(stream: RawStream) -> bool:
    marks = values(stream.headers, "sluice-shadow")
    assert marks in ([], [b"1"]), marks
    return bool(marks)


def answer(stream: RawStream, *messages: bytes, head=(), status: int = 0) -> None:
    """Answers a stream, whose other side may have left."""
    with contextlib.suppress(Exception):
        stream.send_headers(grpc_response(*head))
        for message in messages:
            stream.send_data(grpc_message(message))
        stream.send_headers(to_bytes([("grpc-status", str(status))]), True)


class Version:
    """A server whose answers a test sets: as a function of the request's messages that gives the answer's, or, as
    `handle`, of the stream."""

    def __init__(
        self,
        start_raw_backend: Callable[..., RawServer],
        answers: Callable[[bytes], list[bytes]] = lambda _: [b""],
        handle: Callable[[RawStream], None] | None = None,
        **options,
    ):
        self.answers = answers
        self.server = start_raw_backend(handle or self._serve, **options)
        self.address = self.server.address

    def _serve(self, stream: RawStream) -> None:
        with contextlib.suppress(AssertionError):
            stream.wait_end(60)
        if stream.ended:
            answer(stream, *self.answers(b"".join(stream.messages)))

    @property
    def requests(self) -> list[RawStream]:
        return list(self.server.requests)

    @property
    def live(self) -> list[RawStream]:
        return [stream for stream in self.requests if not is_copy(stream)]

    @property
    def copies(self) -> list[RawStream]:
        return [stream for stream in self.requests if is_copy(stream)]


# Clients


def call(
    address: str, count: int = 1, payload: bytes = b"", method: str = METHOD, metadata=(), retries: int = 0
) -> list[bytes]:
    """Makes calls over one connection, some at once; each must succeed. Returns the answers.

    With `retries` the client makes a call anew that a GOAWAY has kept from being sent, as it usually does."""
    options = [
        ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", retries),
        ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
    ]  # fmt: skip
    with grpc.insecure_channel(address, options=options) as channel:
        stub = channel.unary_unary(method)
        answers: list[bytes] = []
        while len(answers) < count:
            some = [stub.future(payload, timeout=60, metadata=metadata) for _ in range(min(50, count - len(answers)))]
            answers += [one.result() for one in some]
        return answers


# Releases


def plan(*steps: tuple[str, str, str], **fields) -> bytes:
    """A plan whose steps are each a kind, a share and a time."""
    return json.dumps({"steps": [{kind: share, "for": time} for kind, share, time in steps], **fields}).encode()


class Shadowed:
    """A Proxy that copies calls of blue, which is active, to green, once a release has begun."""

    def __init__(self, proxy, blue=None, green=None):
        self.proxy = proxy
        self.blue = blue
        self.green = green
        self.address = proxy.address

    def request(self, body: bytes, query: str = ""):
        return self.proxy.admin.request("POST", f"/release{query}", body=body)

    def begin(self, share: str = "100%", time: str = "1h", **fields) -> dict:
        """Begins a release of one shadow step."""
        return self.begin_plan(plan(("shadow", share, time), **fields))

    def begin_plan(self, body: bytes) -> dict:
        begun = self.request(body)
        assert begun.status == 201, begun
        return begun.json

    def steer(self, command: str) -> dict:
        answered = self.proxy.admin.post(f"/release/{command}")
        assert answered.status == 200, answered
        return answered.json

    @property
    def release(self) -> dict:
        return self.proxy.admin.get("/release").json

    def comparison(self, step: int = 0) -> dict:
        """What the comparison has found so far; it is there from the first look at the step on."""
        return eventually(lambda: self.release["steps"][step].get("comparison"), what="a comparison")

    def wait_copies(self, count: int, timeout: float = 30) -> dict:
        """Waits until that many copies have been compared or given up, and returns the report."""

        def done() -> dict | None:
            found = self.comparison()
            total = found["compared"] + sum(found["given_up"].values())
            assert total <= count, found
            return found if total == count else None

        return eventually(done, what=f"the end of {count} copies", timeout=timeout)

    @property
    def copies_started(self) -> int:
        """Number of copies that the Proxy's process has begun."""
        return int(self.proxy.admin.metrics()["sluice_copies_started_total"][0].value)

    def wait_first_copy(self) -> None:
        """Makes calls until the Proxy's process copies one: copies go on with its first look at the release, which a
        call may be ahead of."""
        eventually(lambda: call(self.address, 1) and self.copies_started > 0, what="a copy")

    def wait_nothing_held(self) -> None:
        """Waits until the Proxy holds nothing for copies any more: those that are over leave nothing behind."""

        def held() -> dict[str, float]:
            samples = self.proxy.admin.metrics()
            return {name: samples[name][0].value for name in ("sluice_copies_open", "sluice_copies_buffered_bytes")}

        eventually(lambda: not any(held().values()), what="an end of all that is held for copies")

    def wait_phase(self, phase: str, timeout: float = 30) -> dict:
        return eventually(
            lambda: (r := self.release)["phase"] == phase and r, what=f"a release that is {phase}", timeout=timeout
        )


def starter(start_proxy, start_raw_backend) -> Callable[..., Shadowed]:
    """What starts a Proxy in front of two versions, given by their answers or their `handle`."""

    def start(
        old=lambda _: [b""], new=lambda _: [b""], *, on_copy=None, green=None, server=None, **settings
    ) -> Shadowed:
        blue = Version(start_raw_backend, old)
        green = green or Version(start_raw_backend, new, on_copy, **(server or {}))
        defaults = {"health_check": "none", "shadow_methods": "*"}
        proxy = start_proxy(blue=blue.address, green=green.address, **{**defaults, **settings})
        return Shadowed(proxy, blue, green)

    return start
