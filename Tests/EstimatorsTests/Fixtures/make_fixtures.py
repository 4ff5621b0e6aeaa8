#!/usr/bin/env python3
"""Writes the models in this folder, and scikit-learn's predictions with each of them.

Every supported estimator, pickle protocol and layout is there once. Run it with scikit-learn and joblib installed
when a new version of them changes the files that they write, and commit the result.
"""

import collections
import datetime
import decimal
import enum
import fractions
import json
import pathlib
import pickle
import warnings

import joblib
import numpy
import scipy.sparse
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.extmath import softmax

FOLDER = pathlib.Path(__file__).resolve().parent
IRIS = load_iris()
ROWS = IRIS.data
NAMES = IRIS.target_names[IRIS.target]
# Two rows from each class, and two far outside of the data, where scores are extreme.
SAMPLE = numpy.vstack([ROWS[[0, 49, 50, 99, 100, 149]], [[0.0, 0.0, 0.0, 0.0], [400.0, -300.0, 200.0, -100.0]]])


def models():
    two = IRIS.target < 2
    numbers = IRIS.target.astype(numpy.int64)
    yield "multinomial-protocol2", LogisticRegression(max_iter=500).fit(ROWS, NAMES), 2
    yield "multinomial-protocol3", LogisticRegression(max_iter=500).fit(ROWS, numbers), 3
    yield "multinomial-protocol4", LogisticRegression(max_iter=500, fit_intercept=False).fit(ROWS, numbers), 4
    yield "multinomial-protocol5", LogisticRegression(max_iter=500).fit(ROWS, NAMES.astype(object)), 5
    yield "binary-protocol2", LogisticRegression().fit(ROWS[two], numbers[two] == 1), 2
    yield "binary-protocol5", LogisticRegression(solver="liblinear").fit(ROWS[two], NAMES[two]), 5
    yield "float32-protocol5", LogisticRegression(max_iter=500).fit(ROWS.astype(numpy.float32), numbers), 5
    yield "standard-protocol4", make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, NAMES), 4
    yield "standard-protocol5", make_pipeline(
        StandardScaler(with_mean=False), StandardScaler(with_std=False), LogisticRegression()
    ).fit(ROWS, numbers), 5
    yield "minmax-protocol3", make_pipeline(MinMaxScaler((-1, 1), clip=True), LogisticRegression()).fit(ROWS, NAMES), 3
    yield "nested-protocol4", Pipeline(
        [("scale", make_pipeline(MinMaxScaler(), "passthrough")), ("none", None), ("model", LogisticRegression())]
    ).fit(ROWS, NAMES), 4
    yield "multinomial-joblib", LogisticRegression(max_iter=500).fit(ROWS, NAMES), "joblib"
    yield "objects-joblib", LogisticRegression(max_iter=500).fit(ROWS, NAMES.astype(object)), "joblib"
    yield "pipeline-joblib", make_pipeline(StandardScaler(), MinMaxScaler(), LogisticRegression()).fit(ROWS, NAMES), "joblib"


class Registry:
    """A class whose instances no prediction needs."""

    def __init__(self, **entries):
        self.entries = entries
        self.created = datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)


class Unusual(enum.Enum):
    """A class whose members are made by calling the class."""

    ONE = 1


def on_progress(step):
    """A callback."""


def additions():
    """Attributes that fitted models have for people and for fitting; no prediction needs them."""
    values = numpy.array([1.5, -2.0])
    ordered = collections.OrderedDict([("a", 1), ("b", [2, 3])])
    ordered.source = "an attribute of a dictionary's subclass"
    return {
        "random_state": numpy.random.RandomState(7),
        "generator_": numpy.random.default_rng(7),
        "generators_": [numpy.random.Generator(kind(7)) for kind in
                        (numpy.random.PCG64DXSM, numpy.random.Philox, numpy.random.SFC64, numpy.random.MT19937)],
        "seed_sequence_": numpy.random.SeedSequence(2**100),
        "callback": on_progress,
        "method_": "text".upper,
        "function_": numpy.mean,
        "loss_class_": LogisticRegression,
        "metadata": {"registry": Registry(stage="production"), "when": datetime.date(2026, 1, 2), "kind": Unusual.ONE},
        "path_": pathlib.PurePosixPath("/data/train.csv"),
        "tags_": {"a", "b"},
        "frozen_": frozenset([1, 2]),
        "ordered_": ordered,
        "counts_": collections.Counter("abca"),
        "by_name_": collections.defaultdict(list, {"a": [1]}),
        "exact_": decimal.Decimal("0.1"),
        "share_": fractions.Fraction(1, 3),
        "complex_": 1 + 2j,
        "range_": range(3),
        "slice_": slice(1, 2),
        "large_": 2**200,
        "type_": numpy.dtype([("x", "f8"), ("name", "O")]),
        "complexes_": values.astype(complex),
        "halves_": values.astype(numpy.float16),
        "bytes_": numpy.array([b"ab", b"c"]),
        "dates_": numpy.array(["2026-01-02", "NaT"], dtype="datetime64[D]"),
        "times_": numpy.array([1, 2], dtype="timedelta64[s]"),
        "records_": numpy.array([(1, 2.5)], dtype=[("n", "i4"), ("x", "f8")]),
        "records_with_objects_": numpy.array([(1, "x"), (2, None)], dtype=[("n", "i4"), ("o", "O")]),
        "nested_records_": numpy.zeros(2, dtype=[("matrix", "f4", (2, 3))]),
        "large_numbers_": numpy.array([2**64 - 1], dtype=numpy.uint64),
        "scalar_": numpy.complex64(1 + 1j),
        "moment_": numpy.datetime64("2026-01-02T03:04:05"),
        "masked_": numpy.ma.array([1.0, 2.0], mask=[False, True]),
        "matrix_": numpy.asmatrix([[1.0, 2.0], [3.0, 4.0]]),
        "objects_": numpy.array([Registry(), None, datetime.date(2026, 1, 2)], dtype=object),
        "sparse_": scipy.sparse.csr_array(numpy.eye(3)),
    }


def with_additions(estimator):
    # They come both before and after the needed attributes: `__dict__` keeps this order.
    needed = dict(vars(estimator))
    vars(estimator).clear()
    given = additions()
    names = list(given)
    vars(estimator).update({name: given[name] for name in names[::2]})
    vars(estimator).update({name: value for name, value in needed.items() if name not in given})
    vars(estimator).update({name: given[name] for name in names[1::2]})
    return estimator


def unneeded():
    """A model with attributes of every kind, in each layout; the columns of a data frame give `feature_names_in_`."""
    for layout in 2, 3, 4, 5, "joblib":
        model = LogisticRegression(max_iter=500).fit(ROWS, NAMES)
        model.feature_names_in_ = numpy.array(IRIS.feature_names, dtype=object)
        yield f"unneeded-{layout if layout == 'joblib' else f'protocol{layout}'}", with_additions(model), layout
    model = make_pipeline(MinMaxScaler(), LogisticRegression()).fit(ROWS, NAMES)
    with_additions(model)
    with_additions(model.steps[0][1])
    yield "unneeded-pipeline-protocol4", model, 4


class BeforeVersion18:
    """Models as scikit-learn wrote them before 1.8, with the attribute `multi_class` that decided their probabilities."""

    @staticmethod
    def one_against_rest():
        model = LogisticRegression(max_iter=500).fit(ROWS, NAMES)
        parts = [LogisticRegression(max_iter=500).fit(ROWS, NAMES == name) for name in model.classes_]
        model.coef_ = numpy.vstack([part.coef_ for part in parts])
        model.intercept_ = numpy.hstack([part.intercept_ for part in parts])
        model.multi_class = "ovr"
        return model, model._predict_proba_lr(SAMPLE)

    @staticmethod
    def binary_multinomial():
        two = IRIS.target < 2
        model = LogisticRegression().fit(ROWS[two], NAMES[two])
        model.multi_class = "multinomial"
        scores = model.decision_function(SAMPLE)
        return model, softmax(numpy.c_[-scores, scores])


def answer(path, model, probabilities):
    return {
        "file": path.name,
        "classes": [str(label) for label in model.classes_],
        "rows": SAMPLE.tolist(),
        "labels": [str(label) for label in model.predict(SAMPLE)],
        "probabilities": probabilities.tolist(),
    }


def main():
    # The Predictor is asked with rows without column names.
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    answers = []
    for name, model, layout in [*models(), *unneeded()]:
        path = FOLDER / f"{name}.pkl"
        if layout == "joblib":
            joblib.dump(model, path, compress=0)
        else:
            path.write_bytes(pickle.dumps(model, protocol=layout))
        answers.append(answer(path, model, model.predict_proba(SAMPLE)))
    for make in BeforeVersion18.one_against_rest, BeforeVersion18.binary_multinomial:
        model, probabilities = make()
        path = FOLDER / f"{make.__name__.replace('_', '-')}-protocol4.pkl"
        path.write_bytes(pickle.dumps(model, protocol=4))
        answers.append(answer(path, model, probabilities))
    (FOLDER / "answers.json").write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
