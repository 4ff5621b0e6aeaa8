"""A running MLServer with scikit-learn models."""

import json
import pickle
import sys
import time
import urllib.request
from pathlib import Path

from harness.process import ManagedProcess


class MLServer:
    """An MLServer on ports of the loopback interface, which is ready when the constructor returns."""

    def __init__(self, folder: Path, models: dict[str, object], version: str, ports: list[int]):
        http, grpc, metrics = ports
        settings = {
            "host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics, "parallel_workers": 0,
        }  # fmt: skip
        (folder / "settings.json").write_text(json.dumps(settings))
        for name, model in models.items():
            place = folder / name
            place.mkdir()
            (place / "model.pkl").write_bytes(pickle.dumps(model))
            described = {
                "name": name,
                "implementation": "mlserver_sklearn.SKLearnModel",
                "parameters": {"uri": "./model.pkl", "version": version},
            }
            (place / "model-settings.json").write_text(json.dumps(described))
        self.grpc_address, self.http_port = f"127.0.0.1:{grpc}", http
        self.process = ManagedProcess([Path(sys.executable).parent / "mlserver", "start", folder], name="MLServer")
        try:
            self._wait_ready()
        except BaseException:
            self.process.kill()
            raise

    def _wait_ready(self) -> None:
        # It tells nobody when it begins to listen.
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/v2/health/ready", timeout=5):
                    return
            except OSError:
                assert self.process.popen.poll() is None and time.monotonic() < deadline, self.process.tail()
            time.sleep(0.1)
