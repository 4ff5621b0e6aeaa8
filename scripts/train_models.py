#!/usr/bin/env python3
"""Trains the models that are here: those of the blue-green demonstration, a forest, and a pipeline over mixed columns.

Writes models/VERSION/model.pkl, model.json and smoke.json. v1.0.0 and v1.1.0 are scikit-learn's LogisticRegression on
the iris data set, trained twice with different parameters; forest-1.0.0 is a RandomForestClassifier on the same;
mixed-1.0.0 takes numbers and words, some of them missing, in columns with names. Everything is seeded, so that the same
versions of scikit-learn and numpy reproduce the same predictions. smoke.json has held-out rows with the labels that
this version gives them; scripts/deploy.sh asks them. Its rows are numbers, so mixed-1.0.0 has none.

Needs scikit-learn and pandas (PyPI):

    python3 -m venv .venv && .venv/bin/pip install scikit-learn pandas
    .venv/bin/python scripts/train_models.py
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import pickle
import sys
from dataclasses import dataclass
from typing import Any

import make_smoke

SEED = 42
HOLD_OUT = 0.2
# Protocol 4 is the default of both pickle and joblib in the Python versions in use.
PICKLE_PROTOCOL = 4
SMOKE_CASES = 6
INSTALL = "python3 -m venv .venv && .venv/bin/pip install scikit-learn pandas"

# Parameters of LogisticRegression by model version.
VERSIONS: dict[str, dict[str, object]] = {
    "v1.0.0": {"C": 1.0, "solver": "lbfgs", "max_iter": 200, "tol": 1e-4},
    "v1.1.0": {"C": 0.5, "solver": "newton-cg", "max_iter": 500, "tol": 1e-8},
}
FOREST, MIXED = "forest-1.0.0", "mixed-1.0.0"
ALL = (*VERSIONS, FOREST, MIXED)


@dataclass
class Data:
    """Rows with the names of their features, and what each of them is."""

    name: str
    rows: Any
    feature_names: list[str]
    labels: Any


def iris() -> Data:
    from sklearn.datasets import load_iris

    data = load_iris()
    return Data("iris", data.data, list(data.feature_names), data.target_names[data.target])


def contracts(count: int = 600) -> Data:
    """Made up: who leaves, by age, income, region and plan. A tenth of the ages and of the regions is missing."""
    import numpy
    import pandas

    chance = numpy.random.default_rng(SEED)
    age = chance.uniform(18, 80, count).round()
    income = chance.lognormal(10, 0.5, count).round()
    region = chance.choice(numpy.array(["north", "east", "south", "west"], dtype=object), count)
    plan = chance.choice(numpy.array(["basic", "plus", "pro"], dtype=object), count)
    leaning = (50 - age) / 15 + (plan == "basic") * 1.5 - (plan == "pro") * 1.5 + (region == "north") * 1.0
    labels = numpy.where(leaning + chance.normal(0, 1, count) > 0.5, "leaves", "stays")
    age[chance.random(count) < 0.1] = numpy.nan
    region[chance.random(count) < 0.1] = numpy.nan
    # Words as Python's own: pandas' would be written into the model, which nothing but pandas could read.
    columns = {"age": age, "income": income, "region": region, "plan": plan}
    rows = pandas.DataFrame({name: pandas.Series(values, dtype=values.dtype) for name, values in columns.items()})
    return Data("contracts, made by scripts/train_models.py", rows, list(columns), labels)


def model_of(version: str) -> tuple[Any, Data, dict[str, object]]:
    """What is to be trained, on what, and the parameters that are worth a note."""
    from sklearn.linear_model import LogisticRegression

    if version in VERSIONS:
        parameters = {**VERSIONS[version], "random_state": SEED}
        return LogisticRegression(**parameters), iris(), parameters
    if version == FOREST:
        from sklearn.ensemble import RandomForestClassifier

        parameters = {"n_estimators": 20, "max_depth": 4, "random_state": SEED}
        return RandomForestClassifier(**parameters), iris(), parameters
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = ColumnTransformer([("numbers", numbers, ["age", "income"]), ("words", words, ["region", "plan"])])
    parameters = {"classifier__C": 1.0, "classifier__random_state": SEED}
    model = Pipeline([("columns", columns), ("classifier", LogisticRegression())]).set_params(**parameters)
    return model, contracts(), parameters


def train(version: str, directory: pathlib.Path) -> float:
    """Trains one version, writes its files and returns its accuracy on the held-out data."""
    # Here, so that --help does without them.
    import numpy
    import sklearn
    from sklearn.model_selection import train_test_split

    model, data, parameters = model_of(version)
    train_rows, test_rows, train_labels, test_labels = train_test_split(
        data.rows, data.labels, test_size=HOLD_OUT, random_state=SEED
    )
    model.fit(train_rows, train_labels)
    accuracy = float(model.score(test_rows, test_labels))

    directory.mkdir(parents=True, exist_ok=True)
    pickled = pickle.dumps(model, protocol=PICKLE_PROTOCOL)
    (directory / "model.pkl").write_bytes(pickled)
    manifest = {
        "version": version,
        "estimator": type(model).__name__,
        "parameters": parameters,
        "accuracy": accuracy,
        "data_set": {"name": data.name, "training_rows": len(train_rows), "hold_out_rows": len(test_rows)},
        "feature_names": data.feature_names,
        "classes": [str(label) for label in model.classes_],
        "sha256": hashlib.sha256(pickled).hexdigest(),
        "libraries": {"scikit-learn": sklearn.__version__, "numpy": numpy.__version__},
    }
    (directory / "model.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    if version != MIXED:
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
    for version in ALL:
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
