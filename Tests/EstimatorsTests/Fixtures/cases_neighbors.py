"""Nearest neighbours. No two training rows are equally far from a row that is asked about, except where they are equal."""

import numpy
import sklearn
from cases import Case
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    NearestCentroid,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
)

VERSION = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
RANDOM = numpy.random.RandomState(3)
X = RANDOM.normal(size=(30, 5))
Y = (X[:, 0] > 0.3).astype(int) + (X[:, 1] > 0)
STRINGS = numpy.array(["a", "bé", "c"])[Y]
NUMBERS = X[:, 0] - X[:, 2] + 0.1 * RANDOM.normal(size=30)
TARGETS = numpy.column_stack([NUMBERS, X[:, 1] ** 2])
FAR = numpy.vstack([RANDOM.normal(size=(8, 5)), 30 * RANDOM.normal(size=(2, 5)), numpy.zeros((1, 5)), [[1e-300] * 5]])
# These are among the training rows, and have no distance.
ROWS = numpy.vstack([FAR, X[4:7]])
METRICS = {
    "euclidean": {},
    "manhattan": {"p": 1},
    "minkowski": {"p": 3},
    "minkowski-1.5": {"p": 1.5},
    "chebyshev": {"p": numpy.inf},
    "cityblock": {"metric": "cityblock"},
    "l2": {"metric": "l2"},
}


def cases():
    for name, metric in METRICS.items():
        for weights in ["uniform", "distance"]:
            model = KNeighborsClassifier(n_neighbors=4, weights=weights, **metric)
            yield Case(f"k-{name}-{weights}", model.fit(X, STRINGS), ROWS)
            model = KNeighborsRegressor(n_neighbors=4, weights=weights, **metric)
            yield Case(f"k-regressor-{name}-{weights}", model.fit(X, NUMBERS), ROWS)
    for algorithm in ["brute", "ball_tree", "kd_tree"]:
        model = KNeighborsClassifier(n_neighbors=3, algorithm=algorithm)
        yield Case(f"k-{algorithm}", model.fit(X, Y), ROWS)
        # The brute way finds a distance of 1e-8 or so where there is none.
        rows = FAR[:-1] if algorithm == "brute" else ROWS
        model = KNeighborsRegressor(n_neighbors=3, algorithm=algorithm, weights="distance")
        yield Case(f"k-regressor-{algorithm}", model.fit(X, TARGETS), rows, tolerance=1e-11 if algorithm == "brute" else 1e-12)
    yield Case("k-cosine", KNeighborsClassifier(n_neighbors=3, metric="cosine").fit(X, Y), FAR[:-2])
    model = KNeighborsRegressor(n_neighbors=3, metric="cosine", weights="distance")
    yield Case("k-cosine-regressor", model.fit(X, NUMBERS), FAR[:-2], tolerance=1e-11)
    yield Case("k-bool", KNeighborsClassifier(n_neighbors=1).fit(X, Y == 1), ROWS)
    yield Case("k-labels", KNeighborsClassifier(n_neighbors=2).fit(X, 10 - 7 * Y), ROWS)
    yield Case("k-float", KNeighborsClassifier(n_neighbors=2).fit(X, Y * 1.0), ROWS)
    yield Case("k-all", KNeighborsClassifier(n_neighbors=30, weights="distance").fit(X, Y), FAR[:-1])
    many = numpy.vstack([X, X + 0.01, X - 0.02])
    yield Case("k-70", KNeighborsClassifier(n_neighbors=70).fit(many, numpy.hstack([Y, Y, Y])), ROWS)
    # Equal rows among the neighbours.
    twice = numpy.vstack([X[:20], X[:20]])
    model = KNeighborsClassifier(n_neighbors=4, weights="distance").fit(twice, numpy.arange(40) % 3)
    yield Case("k-twice", model, X[2:6])
    yield Case("k-regressor-column", KNeighborsRegressor(n_neighbors=3).fit(X, NUMBERS.reshape(-1, 1)), ROWS)
    yield Case("k-regressor-integers", KNeighborsRegressor(n_neighbors=3).fit(X, Y), ROWS)
    yield Case("k-regressor-targets", KNeighborsRegressor(n_neighbors=3).fit(X.astype("f4"), TARGETS), FAR)
    for weights in ["uniform", "distance"]:
        model = RadiusNeighborsClassifier(radius=2.5, weights=weights, outlier_label="bé").fit(X, STRINGS)
        yield Case(f"radius-{weights}", model, ROWS)
        model = RadiusNeighborsRegressor(radius=2.5, weights=weights).fit(X, NUMBERS)
        yield Case(f"radius-regressor-{weights}", model, numpy.vstack([X[:3], 0.9 * X[9:12]]))
    model = RadiusNeighborsClassifier(radius=2.0, p=1, outlier_label="most_frequent").fit(X, Y)
    yield Case("radius-frequent", model, ROWS)
    model = RadiusNeighborsClassifier(radius=3.0, p=3, weights="distance").fit(X, Y)
    yield Case("radius-none", model, numpy.vstack([X[:3], 0.9 * X[9:12]]))
    model = RadiusNeighborsRegressor(radius=4.0, p=3, weights="distance").fit(X, TARGETS)
    yield Case("radius-regressor-targets", model, numpy.vstack([X[:3], 0.9 * X[9:12]]))
    yield Case("centroid", NearestCentroid().fit(X, STRINGS), ROWS)
    yield Case("centroid-manhattan", NearestCentroid(metric="manhattan").fit(X, Y), ROWS)
    yield Case("centroid-shrunk", NearestCentroid(shrink_threshold=0.5).fit(X, Y), ROWS)
    if VERSION >= (1, 6):
        # Predictions for these are by distance alone, and probabilities are not.
        yield Case("centroid-priors", NearestCentroid(priors="empirical").fit(X, Y), FAR)
        yield Case("centroid-manhattan-priors", NearestCentroid(priors=[0.1, 0.8, 0.1], metric="manhattan").fit(X, Y), FAR)
        constant = numpy.hstack([X, numpy.ones((30, 1))])
        rows = numpy.hstack([FAR, FAR[:, :1]])
        yield Case("centroid-constant", NearestCentroid(priors=[0.2, 0.2, 0.6]).fit(constant, Y), rows)
