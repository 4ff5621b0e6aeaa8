"""Requests with known answers, sent to one version of the model."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass

from . import protobuf
from .grpc_call import CallFailed, unary
from .smoke_cases import Case

#: The Predictor's service.
SERVICE = "prediction.v1.PredictionService"
_SERVING = 1


class SmokeFailed(Exception):
    """An answer that is missing or wrong; says which."""


@dataclass
class Prediction:
    label: str
    model_version: str


def knows_service(address: str, timeout: float = 5) -> bool | None:
    """Whether the server there has the Predictor's service; None if no answer tells."""
    try:
        unary(address, f"{SERVICE}/Health", b"", timeout)
    except CallFailed as error:
        return False if error.is_unimplemented else None
    return True


class SmokeTest:
    """Asks over gRPC and HTTP, and compares labels and versions."""

    def __init__(self, cases: list[Case], version: str, timeout: float = 5):
        self._cases = cases
        self._version = version
        self._timeout = timeout
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def run_grpc(self, address: str) -> str:
        """Calls Health, then Predict for every case. Returns a sentence about the result."""
        try:
            health = dict(protobuf.fields(unary(address, f"{SERVICE}/Health", b"", self._timeout)))
            if health.get(1) != _SERVING:
                raise SmokeFailed(f"gRPC {address}: Health says {health.get(1)}, not SERVING")
            self._expect_version(f"gRPC {address}: Health", _text(health.get(2)))
            labels = [self._expect(f"gRPC {address}", case, self._predict(address, case)) for case in self._cases]
        except CallFailed as error:
            raise SmokeFailed(f"gRPC {error}") from None
        except ValueError as error:
            raise SmokeFailed(f"gRPC {address}: the answer cannot be read: {error}") from None
        return f"gRPC {address}: {self._version} says {', '.join(labels)}"

    def ask(self, address: str, number: int) -> None:
        """Sends one case over gRPC; `number` counts up, and the cases take turns. Raises SmokeFailed."""
        case = self._cases[number % len(self._cases)]
        try:
            self._expect(f"gRPC {address}", case, self._predict(address, case))
        except CallFailed as error:
            raise SmokeFailed(str(error)) from None
        except ValueError as error:
            raise SmokeFailed(f"gRPC {address}: the answer cannot be read: {error}") from None

    def _predict(self, address: str, case: Case) -> Prediction:
        """Makes one prediction over gRPC. Raises CallFailed or ValueError."""
        message = protobuf.packed_doubles(1, case.features)
        answer = dict(protobuf.fields(unary(address, f"{SERVICE}/Predict", message, self._timeout)))
        return Prediction(_text(answer.get(1)), _text(answer.get(3)))

    def run_http(self, address: str) -> str:
        """Sends `GET /health`, and every case in one `POST /predict`."""
        health = self._json(f"http://{address}/health", None)
        self._expect_version(f"http://{address}/health", str(health.get("model_version")))
        body = {"instances": [case.features for case in self._cases]}
        answer = self._json(f"http://{address}/predict", body)
        labels = answer.get("predictions")
        if not isinstance(labels, list) or len(labels) != len(self._cases):
            raise SmokeFailed(f"http://{address}/predict: predictions are {labels!r}")
        for case, label in zip(self._cases, labels):
            self._expect(f"http://{address}/predict", case, Prediction(str(label), str(answer.get("model_version"))))
        return f"http://{address}: {self._version} says {', '.join(map(str, labels))}"

    def _json(self, url: str, body: object) -> dict:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, headers={"content-type": "application/json"})
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                answer = json.load(response)
        except (OSError, urllib.error.URLError, ValueError) as error:
            raise SmokeFailed(f"{url}: {error}") from None
        if not isinstance(answer, dict):
            raise SmokeFailed(f"{url}: the answer is not an object")
        return answer

    def _expect(self, where: str, case: Case, prediction: Prediction) -> str:
        self._expect_version(where, prediction.model_version)
        if prediction.label != case.label:
            raise SmokeFailed(f"{where}: {case.features} is {prediction.label!r}, expected {case.label!r}")
        return prediction.label

    def _expect_version(self, where: str, version: str) -> None:
        if version != self._version:
            raise SmokeFailed(f"{where}: version {version!r} answers, expected {self._version!r}")


def _text(value: object) -> str:
    if not isinstance(value, bytes):
        raise ValueError("a text field is missing")
    return value.decode()
