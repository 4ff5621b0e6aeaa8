"""What a row costs a model without a server: the Predictor's own evaluation, and libraries beside it."""

import array
import json
import os
import select
import subprocess
from pathlib import Path

from .driver import LoadError
from .measurement import PROXY_CORE, Timing
from .peers import Launch, Peer, Places, Unavailable, repository_version
from .processes import start
from .scenarios import Scenario, Subject
from .servers import ONE_THREAD, distribution_version, python_of

FEATURES = 20
#: Seconds that an evaluator may take to load a model, and for one answer beyond its time.
PATIENCE = 120.0
#: What the probabilities may differ by from those of scikit-learn: a sum of 100 trees, in another order at most; and of
#: onnxruntime, which has floats, the share of rows whose most probable class may be another one.
SLUICE_TOLERANCE, ONNX_SHARE = 1e-12, 0.01


def _models(places: Places, file: str) -> str:
    path = places.bench / "models" / file
    if not path.exists():
        raise Unavailable("the models couldn't be trained")
    return str(path)


def _model_bench(places: Places) -> Path:
    """The build that scripts/bench.sh has made, or what MODEL_BENCH in the environment names."""
    path = Path(os.environ.get("MODEL_BENCH", places.bench / "package/.build/release/ModelBench"))
    if not path.exists():
        raise Unavailable("ModelBench couldn't be built")
    return path


def _sluice(places: Places, scenario: Scenario, workers: int, port: int, backend: int) -> Launch:
    model, rows = _models(places, f"{scenario.model}.pkl"), _models(places, "rows.f64")
    return Launch([str(_model_bench(places)), model, rows, str(FEATURES)])


def _sluice_version(places: Places) -> str:
    _model_bench(places)
    return repository_version(places)


def _library(name: str, suffix: str) -> Peer:
    def launch(places: Places, scenario: Scenario, workers: int, port: int, backend: int) -> Launch:
        program = str(places.repository / "bench/peers/python/evaluate.py")
        model, rows = _models(places, f"{scenario.model}.{suffix}"), _models(places, "rows.f64")
        return Launch([str(python_of(places, "python")), "-B", program, name, model, rows, str(FEATURES)], ONE_THREAD)

    def version(places: Places) -> str:
        return distribution_version(python_of(places, "python"), name)

    return Peer(name, launch, version, subject=Subject.LIBRARY)


SLUICE = Peer("sluice", _sluice, _sluice_version, subject=Subject.LIBRARY)
REFERENCE = "scikit-learn"
LIBRARIES = [SLUICE, _library(REFERENCE, "pkl"), _library("onnxruntime", "onnx")]


class Evaluator:
    """A program that evaluates a model's rows as it is asked, in lines on its standard input.

    It answers each with a line of JSON: `single SECONDS` and `batch SECONDS` with the rows that it has evaluated and
    the nanoseconds of its processor time, `answers FILE` once it has written the probabilities of all rows there, as
    little-endian doubles.
    """

    def __init__(self, peer: Peer, places: Places, scenario: Scenario) -> None:
        """Raises `LoadError` or `Unavailable`."""
        self.peer = peer
        places.run.mkdir(parents=True, exist_ok=True)
        launch = peer.launch(places, scenario, 1, 0, 0)
        self._log = places.run / "output.log"
        with self._log.open("wb") as log:
            self._process = start(
                launch.command, PROXY_CORE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                bufsize=1, env=os.environ | (launch.environment or {}),
            )  # fmt: skip
        try:
            self._line(PATIENCE)
            file = places.run / "answers.f64"
            rows = self._ask("answers", str(file), PATIENCE)["rows"]
            self.probabilities = array.array("d", file.read_bytes())
            self.classes = len(self.probabilities) // rows
        except BaseException:
            self.stop()
            raise

    def _line(self, patience: float) -> str:
        if not select.select([self._process.stdout], [], [], patience)[0]:
            raise LoadError(f"no answer within {patience:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise LoadError(f"it has ended: {self._log.read_text(errors='replace').strip()[-200:]}")
        return line

    def _ask(self, what: str, value: str, patience: float) -> dict:
        self._process.stdin.write(f"{what} {value}\n")
        return json.loads(self._line(patience))

    def run(self, timing: Timing) -> dict:
        """Single rows for a while, then all at once. Raises `LoadError`."""
        self._ask("single", str(timing.warm_up), timing.warm_up + PATIENCE)
        single, batch = (
            self._ask(what, str(timing.counted), timing.counted + PATIENCE) for what in ("single", "batch")
        )
        return {
            "calls": single["rows"] + batch["rows"],
            "failures": {},
            "reconnects": 0,
            "cpu_us_per_call": single["ns"] / single["rows"] / 1000,
            "batch_us_per_row": batch["ns"] / batch["rows"] / 1000,
            "foreign_cores": 0.0,
            "stolen_cores": 0.0,
            "latency_us": {},
        }

    def stop(self) -> None:
        # It ends with its input.
        self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def _most_probable(evaluator: Evaluator) -> list[int]:
    values, width = evaluator.probabilities, evaluator.classes
    rows = (values[place : place + width] for place in range(0, len(values), width))
    return [max(range(width), key=row.__getitem__) for row in rows]


def fault(evaluator: Evaluator, reference: Evaluator) -> str | None:
    """What is wrong with its answers, held against scikit-learn's; None if they are right."""
    if len(evaluator.probabilities) != len(reference.probabilities):
        return f"{len(evaluator.probabilities)} probabilities and not {len(reference.probabilities)}"
    if evaluator.peer is SLUICE:
        pairs = zip(evaluator.probabilities, reference.probabilities, strict=True)
        most = max(abs(own - other) for own, other in pairs)
        return f"a probability differs by {most:g}" if most > SLUICE_TOLERANCE else None
    pairs = list(zip(_most_probable(evaluator), _most_probable(reference), strict=True))
    share = sum(own != other for own, other in pairs) / len(pairs)
    return f"{100 * share:.2g} % of the rows have another class" if share > ONNX_SHARE else None
