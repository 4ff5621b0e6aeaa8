"""What model servers are asked about the iris model, and what their answers say."""

import json
import random
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from deployment import protobuf

from .driver import LoadError

#: The model that all servers have, and the name that it is asked by.
MODEL = "models/v1.0.0/model.pkl"
SMOKE = "models/v1.0.0/smoke.json"
VERSION, NAME = "v1.0.0", "model"
#: As many as calls are under way at once at 16x16.
ROWS = 256
#: What the numbers of two answers may differ by.
TOLERANCE = 1e-9
#: The length of an answer that isn't known, as bench/driver/calls.h has it.
UNKNOWN = 0xFFFFFFFF


@dataclass(frozen=True)
class Answer:
    """The class, and each class's probability where the method tells it."""

    label: str
    probabilities: dict[str, float]

    def agrees(self, other: "Answer") -> bool:
        if self.label != other.label or self.probabilities.keys() != other.probabilities.keys():
            return False
        return all(
            abs(self.probabilities[name] - other.probabilities[name]) <= TOLERANCE for name in self.probabilities
        )


@dataclass(frozen=True)
class Method:
    """A method of a service: how it is asked for one row, and how its answer is read."""

    path: str
    request: Callable[[list[float]], bytes]
    answer: Callable[[bytes], Answer]


def _field(number: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return protobuf.varint(number << 3 | 2) + protobuf.varint(len(content)) + content


def _predict_request(row: list[float]) -> bytes:
    return protobuf.packed_doubles(1, row) + _field(2, "id")


def _predict_answer(message: bytes) -> Answer:
    label, probabilities = "", {}
    for number, value in protobuf.fields(message):
        if number == 1:
            label = value.decode()
        elif number == 2:
            entry = dict(protobuf.fields(value))
            # A double is read as the integer with its bits.
            (probability,) = struct.unpack("<d", struct.pack("<Q", entry.get(2, 0)))
            probabilities[entry[1].decode()] = probability
    return Answer(label, probabilities)


def _infer_request(row: list[float]) -> bytes:
    """One tensor of the shape [1, features], its numbers as raw bytes; the output is the one that comes unasked."""
    shape = protobuf.varint(1) + protobuf.varint(len(row))
    tensor = _field(1, "input-0") + _field(2, "FP64") + _field(3, shape)
    return _field(1, NAME) + _field(3, "id") + _field(5, tensor) + _field(7, struct.pack(f"<{len(row)}d", *row))


def _infer_answer(message: bytes) -> Answer:
    (raw,) = (value for number, value in protobuf.fields(message) if number == 6)
    length = int.from_bytes(raw[:4], "little")
    if length != len(raw) - 4:
        raise ValueError("the answer is not one text")
    return Answer(raw[4:].decode(), {})


METHODS = {
    "predict": Method("/prediction.v1.PredictionService/Predict", _predict_request, _predict_answer),
    "infer": Method("/inference.GRPCInferenceService/ModelInfer", _infer_request, _infer_answer),
}


@dataclass(frozen=True)
class Questions:
    """Rows, of which the first have labels that are known."""

    rows: list[list[float]]
    labels: list[str]

    def write(self, method: Method, file: Path) -> None:
        """Writes them for the driver, without answers."""
        pieces = [_piece(method.path.encode())]
        for row in self.rows:
            pieces += [_piece(method.request(row)), UNKNOWN.to_bytes(4, "little")]
        file.write_bytes(b"".join(pieces))

    def read_answers(self, method: Method, file: Path) -> list[Answer]:
        """Those that the driver has recorded. Raises `LoadError` if one is none, or has another label than is known."""
        try:
            answers = [method.answer(message) for message in list(_pieces(file.read_bytes()))[2::2]]
        except (ValueError, KeyError) as error:
            raise LoadError(f"an answer can't be read: {error}") from None
        for answer, label in zip(answers, self.labels, strict=False):
            if answer.label != label:
                raise LoadError(f"it answers {answer.label!r} for a row that is {label!r}")
        return answers


def _piece(content: bytes) -> bytes:
    return len(content).to_bytes(4, "little") + content


def _pieces(content: bytes) -> Iterable[bytes]:
    position = 0
    while position < len(content):
        length = int.from_bytes(content[position : position + 4], "little")
        yield content[position + 4 : position + 4 + length]
        position += 4 + length


def questions(repository: Path) -> Questions:
    """The smoke cases of the model, then random rows of iris' ranges: the same in every run, no two alike."""
    cases = json.loads((repository / SMOKE).read_text())
    chance = random.Random(42)
    ranges = ((4.3, 7.9), (2.0, 4.4), (1.0, 6.9), (0.1, 2.5))
    more = [[chance.uniform(*bounds) for bounds in ranges] for _ in range(ROWS - len(cases))]
    return Questions([case["features"] for case in cases] + more, [case["label"] for case in cases])


def disagreement(answers: list[Answer], others: list[Answer]) -> str | None:
    """What the first two answers differ in that do; None if all agree."""
    for number, (answer, other) in enumerate(zip(answers, others, strict=True)):
        if not answer.agrees(other):
            return f"row {number} is answered with {answer} and not with {other}"
    return None
