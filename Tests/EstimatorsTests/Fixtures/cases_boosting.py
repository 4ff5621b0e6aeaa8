"""Gradient boosting, of both kinds."""

import numpy
import pandas
import sklearn
from cases import Case
from cases_trees import BINARY, DATA, RANDOM, SCORE, THREE, VERSION, WEIGHTS, WORDS, rows, with_missing
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

COUNTS = numpy.exp(SCORE).round()


def cases():
    yield from classic()
    yield from histogram()
    yield from categories()


def classic():
    def classifier(**options):
        return GradientBoostingClassifier(**{"n_estimators": 6, "max_depth": 2, "random_state": 0, **options})

    def regressor(**options):
        return GradientBoostingRegressor(**{"n_estimators": 9, "max_depth": 2, "random_state": 0, **options})

    yield Case("boosting", classifier().fit(DATA, THREE), rows())
    yield Case("boosting-two", classifier(learning_rate=0.3).fit(DATA, BINARY), rows(), layout=2)
    yield Case("boosting-words", classifier(n_estimators=3).fit(DATA, WORDS, WEIGHTS), rows(), layout="joblib")
    yield Case("boosting-exponential", classifier(loss="exponential").fit(DATA, BINARY == 1), rows(), layout=5)
    yield Case("boosting-zero", classifier(init="zero", n_estimators=2).fit(DATA, WORDS), rows())
    yield Case("boosting-zero-two", classifier(init="zero", n_estimators=2).fit(DATA, BINARY), rows())
    frequent = DummyClassifier(strategy="most_frequent")
    yield Case("boosting-frequent", classifier(init=frequent, n_estimators=2).fit(DATA, THREE), rows())
    tree = DecisionTreeClassifier(max_depth=2)
    yield Case("boosting-tree", classifier(init=tree, n_estimators=2).fit(DATA, THREE), rows())
    forest = RandomForestClassifier(n_estimators=2, max_depth=2, random_state=0)
    yield Case("boosting-forest", classifier(init=forest, n_estimators=2).fit(DATA, BINARY), rows())
    for loss in ("squared_error", "absolute_error", "huber", "quantile"):
        yield Case(f"boosting-{loss}", regressor(loss=loss).fit(DATA, SCORE), rows(), tolerance=0)
    constant = DummyRegressor(strategy="constant", constant=2)
    yield Case("boosting-constant", regressor(init=constant, n_estimators=2).fit(DATA, SCORE), rows(), tolerance=0)
    yield Case("boosting-zero-regressor", regressor(init="zero").fit(DATA, SCORE), rows(), 3, tolerance=0)
    tree = DecisionTreeRegressor(max_depth=2)
    yield Case("boosting-tree-regressor", regressor(init=tree, n_estimators=2).fit(DATA, SCORE), rows(), tolerance=0)


def histogram():
    options = {"max_iter": 5, "max_leaf_nodes": 6, "min_samples_leaf": 4, "random_state": 0}
    classifier, regressor = HistGradientBoostingClassifier, HistGradientBoostingRegressor
    unusual = numpy.vstack([rows(missing=True), [[numpy.inf, -numpy.inf, 0, numpy.inf, -numpy.inf]]])
    yield Case("histogram", classifier(**options).fit(DATA, THREE), unusual)
    yield Case("histogram-two", classifier(**options).fit(DATA, BINARY), unusual, layout=2)
    yield Case("histogram-words", classifier(**options).fit(with_missing(), WORDS, WEIGHTS), unusual, layout="joblib")
    yield Case("histogram-bool", classifier(**options, early_stopping=True).fit(DATA, BINARY == 1), rows(), layout=5)
    yield Case("histogram-regressor", regressor(**options).fit(with_missing(), SCORE), unusual, tolerance=0)
    yield Case("histogram-absolute", regressor(loss="absolute_error", **options).fit(DATA, SCORE), unusual, tolerance=0)
    yield Case("histogram-poisson", regressor(loss="poisson", **options).fit(DATA, COUNTS), unusual)
    yield Case("histogram-quantile", regressor(loss="quantile", quantile=0.8, **options).fit(DATA, SCORE), rows(), 3, 0)
    if VERSION >= (1, 3):
        yield Case("histogram-gamma", regressor(loss="gamma", **options).fit(DATA, numpy.exp(SCORE)), unusual)


def categories():
    options = {"max_iter": 5, "max_leaf_nodes": 6, "min_samples_leaf": 3, "random_state": 0}
    classifier, regressor = HistGradientBoostingClassifier, HistGradientBoostingRegressor
    data = DATA.copy()
    data[:, 1] = RANDOM.randint(0, 9, size=90)
    data[:, 3] = RANDOM.randint(0, 4, size=90) * 2
    target = SCORE + numpy.isin(data[:, 1], [1, 4, 5]) * 2 - numpy.isin(data[:, 3], [2, 6])
    classes = numpy.digitize(target, [-0.4, 1])
    asked = data[:12].copy()
    # Categories that are unknown, missing, negative, no whole number, huge.
    asked[2:9, 1] = [numpy.nan, 77, -1, 3.5, 256 + 4, 1e10, -numpy.inf]
    asked[5:12, 3] = [3, numpy.nan, -0.0, -0.5, 255, 1e300, numpy.inf]
    if VERSION >= (1, 4):
        # Since then an encoder comes first, which takes no infinity.
        asked[numpy.isinf(asked)] = 1e300
    yield Case("categories", classifier(categorical_features=[1, 3], **options).fit(data, classes), asked)
    data[::7, 1] = numpy.nan
    mask = numpy.array([False, True, False, True, False])
    yield Case("categories-mask", regressor(categorical_features=mask, **options).fit(data, target), asked, "joblib", 0)
    if VERSION >= (1, 4):
        frame = pandas.DataFrame(data, columns=["a", "b", "c", "d", "e"])
        words = numpy.array(["ash", "elm", "fir", "oak", "yew", "fig", "box", "may", "bay"], dtype=object)
        frame["b"] = words[RANDOM.randint(0, 9, size=90)]
        frame.loc[::9, "b"] = None
        frame["b"] = frame["b"].astype("category")
        frame["d"] = frame["d"].astype("category")
        target = SCORE + frame["b"].isin(["ash", "yew", "box"]) * 2
        model = regressor(categorical_features="from_dtype", **options).fit(frame, target)
        frame["b"] = frame["b"].astype(object)
        frame["d"] = frame["d"].astype(float)
        frame = frame[:20].copy()
        frame.loc[3, "b"] = "palm"
        frame.loc[4, "d"] = 77
        frame.loc[5, "d"] = numpy.nan
        yield Case("categories-words", model, frame, tolerance=0)
