#!/usr/bin/env python3
"""Trains the two model versions that the blue-green demonstration serves.

Writes models/VERSION/model.pkl, model.json and smoke.json for v1.0.0 and v1.1.0: scikit-learn's
LogisticRegression on the iris data set, trained twice with different parameters. Everything is
seeded, so that the same versions of scikit-learn and numpy reproduce the same predictions.
smoke.json has held-out rows with the labels that this version gives them; scripts/deploy.sh asks them.

Needs scikit-learn (PyPI):

    python3 -m venv .venv && .venv/bin/pip install scikit-learn
    .venv/bin/python scripts/train_models.py
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import pickle
import sys

import make_smoke

SEED = 42
HOLD_OUT = 0.2
# Protocol 4 is the default of both pickle and joblib in the Python versions in use.
PICKLE_PROTOCOL = 4
SMOKE_CASES = 6
INSTALL = "python3 -m venv .venv && .venv/bin/pip install scikit-learn"

# Parameters of LogisticRegression by model version.
VERSIONS: dict[str, dict[str, object]] = {
    "v1.0.0": {"C": 1.0, "solver": "lbfgs", "max_iter": 200, "tol": 1e-4},
    "v1.1.0": {"C": 0.5, "solver": "newton-cg", "max_iter": 500, "tol": 1e-8},
}


def train(version: str, directory: pathlib.Path) -> float:
    """Trains one version, writes its three files and returns its accuracy on the held-out data."""
    # Here, so that --help does without them.
    import numpy
    import sklearn
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split

    iris = load_iris()
    labels = iris.target_names[iris.target]
    train_rows, test_rows, train_labels, test_labels = train_test_split(
        iris.data, labels, test_size=HOLD_OUT, random_state=SEED
    )
    parameters = VERSIONS[version]
    model = LogisticRegression(random_state=SEED, **parameters).fit(train_rows, train_labels)
    accuracy = float(model.score(test_rows, test_labels))

    directory.mkdir(parents=True, exist_ok=True)
    pickled = pickle.dumps(model, protocol=PICKLE_PROTOCOL)
    (directory / "model.pkl").write_bytes(pickled)
    manifest = {
        "version": version,
        "estimator": type(model).__name__,
        "parameters": {**parameters, "random_state": SEED},
        "accuracy": accuracy,
        "data_set": {"name": "iris", "training_rows": len(train_rows), "hold_out_rows": len(test_rows)},
        "feature_names": list(iris.feature_names),
        "classes": [str(label) for label in model.classes_],
        "sha256": hashlib.sha256(pickled).hexdigest(),
        "libraries": {"scikit-learn": sklearn.__version__, "numpy": numpy.__version__},
    }
    (directory / "model.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    cases = make_smoke.cases(model, test_rows.tolist(), [str(label) for label in test_labels], SMOKE_CASES)
    make_smoke.write(directory / "smoke.json", cases)
    return accuracy


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument(
        "--output", type=pathlib.Path, default=root / "models", help="folder to write into (default: %(default)s)"
    )
    output = parser.parse_args().output
    for version in VERSIONS:
        try:
            accuracy = train(version, output / version)
        except ImportError as error:
            print(f"train_models.py: {error}; install it with {INSTALL}", file=sys.stderr)
            return 2
        print(f"{output / version / 'model.pkl'}: accuracy {accuracy:.4f} on the hold-out")
        if version == "v1.0.0" and accuracy != 1.0:
            print("train_models: v1.0.0 must classify its whole hold-out correctly", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
