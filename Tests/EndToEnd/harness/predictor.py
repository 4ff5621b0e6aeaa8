"""A running Predictor, and the Python stubs of its API."""

import functools
import http.client
import importlib
import json
import os
import sys
import tempfile
import urllib.request
from pathlib import Path

from harness.process import BINARIES, ROOT, ManagedProcess

SERVICE = "prediction.v1.PredictionService"
#: All that it has.
SERVICES = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "inference.GRPCInferenceService",
    SERVICE,
]


class Predictor:
    """A Predictor on free ports; its addresses are read from the log line that says it serves."""

    def __init__(self, process: ManagedProcess):
        self.process = process
        line = process.wait_for_line(lambda text: '"message":"serving"' in text and text, what="line that it serves")
        self.started = json.loads(line)
        self.address = self.started["grpc"]
        self.http_address = self.started["http"]

    def request(self, method: str, path: str, body: bytes | str | None = None, headers=None):
        """Sends an HTTP request; returns status, headers and body, which must be JSON if there is one."""
        connection = http.client.HTTPConnection(self.http_address, timeout=30)
        try:
            try:
                connection.request(method, path, body, headers or {})
            except (BrokenPipeError, ConnectionResetError):
                # The answer may come and the connection close before the whole body is sent.
                pass
            response = connection.getresponse()
            content = response.read()
            return response.status, response.headers, json.loads(content) if content else None
        finally:
            connection.close()

    def metrics(self) -> dict[str, float]:
        """The metrics without labels."""
        with urllib.request.urlopen(f"http://{self.http_address}/metrics", timeout=30) as response:
            lines = response.read().decode().splitlines()
        return {name: float(value) for name, value in (line.split() for line in lines if line[0] != "#" and "{" not in line)}

    def load(self) -> tuple[int, int]:
        """The number of calls under way over gRPC, and that of its clients' connections."""
        metrics = self.metrics()
        return int(metrics["predictor_grpc_calls_in_flight"]), int(metrics["predictor_grpc_connections"])

    def predict(self, instances) -> dict:
        """The answer of POST /predict."""
        status, _, answer = self.request("POST", "/predict", json.dumps({"instances": instances}))
        assert status == 200, answer
        return answer


def environment(model: str | os.PathLike, **settings: str) -> dict[str, str]:
    """Settings for a Predictor on free loopback ports."""
    return {"HOST": "127.0.0.1", "PORT": "0", "HTTP_PORT": "0", "MODEL_PATH": os.fspath(model), **settings}


BINARY = BINARIES / "Predictor"


@functools.cache
def stubs(name: str = "prediction", sources: Path = ROOT / "protos"):
    """The modules prediction_pb2 and prediction_pb2_grpc, made from protos/prediction.proto; or those of another file."""
    # Not every environment that starts Predictors has it (Tests/InferencePeers).
    from grpc_tools import protoc

    folder = tempfile.mkdtemp(prefix="sluice-stubs-")
    code = protoc.main(
        [
            "protoc",
            f"--proto_path={sources}",
            f"--python_out={folder}",
            f"--grpc_python_out={folder}",
            f"{name}.proto",
        ]
    )
    assert code == 0
    sys.path.insert(0, folder)
    return importlib.import_module(f"{name}_pb2"), importlib.import_module(f"{name}_pb2_grpc")


def model(version: str) -> Path:
    """A model that the repository ships."""
    return ROOT / "models" / version / "model.pkl"
