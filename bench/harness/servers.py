"""The model servers that are measured: the Predictor, and those of Python."""

import json
import os
import subprocess
from pathlib import Path

from .calls import MODEL, NAME, VERSION
from .peers import Launch, Peer, Places, Unavailable, repository_version
from .scenarios import Scenario, Subject

#: Where MLServer has its ports for HTTP and for metrics: below those that connections of the load have.
HTTP_BELOW, METRICS_BELOW = 44_000, 43_900

#: Libraries that would start a thread for each core.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def predictor_binary(places: Places) -> Path:
    """The release build of the Predictor, or what PREDICTOR in the environment names."""
    path = Path(os.environ.get("PREDICTOR", places.repository / ".build/release/Predictor"))
    if not path.exists():
        raise Unavailable("no release build: scripts/swift.sh build --product Predictor")
    return path


def _predictor(places: Places, scenario: Scenario, workers: int, port: int, backend: int) -> Launch:
    return Launch([
        str(predictor_binary(places)), "--model-path", str(places.repository / MODEL), "--model-name", NAME,
        "--model-version", VERSION, "--host", "127.0.0.1", "--port", str(port), "--http-port", "0",
        "--workers", str(workers), "--shutdown-grace", "1s", "--log-level", "warning",
    ])  # fmt: skip


def _predictor_version(places: Places) -> str:
    predictor_binary(places)
    return repository_version(places)


def python_of(places: Places, name: str) -> Path:
    """The interpreter of the environment that scripts/bench.sh has made of bench/peers/NAME/requirements.txt."""
    path = places.bench / name / "bin/python"
    if not path.exists() or not (places.bench / name / "requirements.txt").exists():
        raise Unavailable(f"the packages of bench/peers/{name}/requirements.txt couldn't be installed")
    return path


def distribution_version(python: Path, name: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    result = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60)
    if result.returncode != 0:
        raise Unavailable(f"{name} isn't installed")
    return result.stdout.strip()


def _grpcio(places: Places, scenario: Scenario, workers: int, port: int, backend: int) -> Launch:
    program = places.repository / "bench/peers/python/serve.py"
    model = places.repository / MODEL
    command = [python_of(places, "python"), "-B", program, places.repository, model, port, VERSION]
    return Launch([str(part) for part in command], ONE_THREAD)


def _grpcio_version(places: Places) -> str:
    python = python_of(places, "python")
    return f"{distribution_version(python, 'grpcio')}, scikit-learn {distribution_version(python, 'scikit-learn')}"


def _mlserver(places: Places, scenario: Scenario, workers: int, port: int, backend: int) -> Launch:
    """In one process: with the worker processes that it has by default a call costs more."""
    if scenario.method != "infer":
        raise Unavailable("has no prediction.v1")
    folder = places.run / "mlserver"
    folder.mkdir()
    settings = {
        "host": "127.0.0.1", "grpc_port": port, "http_port": port - HTTP_BELOW, "metrics_port": port - METRICS_BELOW,
        "parallel_workers": 0,
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {
        "name": NAME,
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": str(places.repository / MODEL), "version": VERSION},
    }
    (folder / "model-settings.json").write_text(json.dumps(model))
    program = python_of(places, "mlserver").with_name("mlserver")
    return Launch([str(program), "start", str(folder)], ONE_THREAD)


def _mlserver_version(places: Places) -> str:
    return distribution_version(python_of(places, "mlserver"), "mlserver")


PREDICTOR = Peer("sluice", _predictor, _predictor_version, subject=Subject.SERVER)

SERVERS = [
    PREDICTOR,
    Peer("grpcio", _grpcio, _grpcio_version, subject=Subject.SERVER),
    Peer("mlserver", _mlserver, _mlserver_version, subject=Subject.SERVER),
]
