"""Linear models."""

import numpy
from cases import Case
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

IRIS = load_iris()
ROWS = numpy.vstack([IRIS.data[::30], [[0.0, 0.0, 0.0, 0.0], [400.0, -300.0, 200.0, -100.0]]])


def cases():
    yield Case("logistic", LogisticRegression(max_iter=500).fit(IRIS.data, IRIS.target), ROWS)
