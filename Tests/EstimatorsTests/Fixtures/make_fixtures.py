#!/usr/bin/env python3
"""Writes the models beside this file, and what scikit-learn answers with each of them.

Every supported estimator, pickle protocol and layout is there once. Run it with scikit-learn and joblib at hand when a
new version of them changes what they write; commit the result.
"""

import json
import pathlib
import pickle

import joblib
import numpy
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.extmath import softmax

FOLDER = pathlib.Path(__file__).resolve().parent
IRIS = load_iris()
ROWS = IRIS.data
NAMES = IRIS.target_names[IRIS.target]
# Two from each class and two far outside of the data, where scores are extreme.
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
    answers = []
    for name, model, layout in models():
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
