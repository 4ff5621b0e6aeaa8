"""Naive Bayes."""

import numpy
from cases import Case
from sklearn.datasets import load_iris
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB

IRIS = load_iris()
X, Y = IRIS.data, IRIS.target
STRINGS = numpy.array(["setosa", "versicolor", "virgînica"])[Y]
ROWS = numpy.vstack([X[::30], [[0.0, 0.0, 0.0, 0.0], [40.0, 30.0, 20.0, 10.0], [1e-300] * 4, [6.1, 2.9, 4.9, 1.7]]])
NEGATIVE = numpy.vstack([ROWS, [[-4.0, 3.0, -2.0, 1.0], [400.0, -300.0, 200.0, -100.0]]])
RANDOM = numpy.random.RandomState(2)
COUNTS = RANDOM.poisson(2, size=(60, 21))
CATEGORIES = RANDOM.randint(4, size=(40, 3))
CATEGORIES[:, 1] = CATEGORIES[:, 1] > 1


def cases():
    yield Case("gaussian", GaussianNB().fit(X, STRINGS), NEGATIVE)
    yield Case("gaussian-priors", GaussianNB(priors=[0.1, 0.2, 0.7]).fit(X, Y), NEGATIVE)
    yield Case("gaussian-binary", GaussianNB(var_smoothing=0.1).fit(X, Y == 1), NEGATIVE)
    yield Case("gaussian-single", GaussianNB().fit(X[:50], STRINGS[:50]), NEGATIVE)
    # A class that was announced and never seen.
    yield Case("gaussian-missing", GaussianNB().partial_fit(X[50:], Y[50:], classes=[0, 1, 2]), NEGATIVE)
    for name, kind in {"multinomial": MultinomialNB, "complement": ComplementNB, "bernoulli": BernoulliNB}.items():
        yield Case(f"{name}", kind().fit(X, STRINGS), ROWS)
        yield Case(f"{name}-binary", kind(alpha=0.3, fit_prior=False).fit(X, Y > 0), ROWS)
        yield Case(f"{name}-counts", kind().fit(COUNTS, numpy.arange(60) % 5), COUNTS[:12])
        yield Case(f"{name}-missing", kind().partial_fit(X[50:], Y[50:], classes=[0, 1, 2]), ROWS)
        yield Case(f"{name}-single", kind().fit(X[:50], Y[:50]), ROWS)
    yield Case("multinomial-negative", MultinomialNB().fit(X, Y), NEGATIVE)
    yield Case("complement-norm", ComplementNB(norm=True).fit(X, Y), ROWS)
    yield Case("bernoulli-threshold", BernoulliNB(binarize=1.5).fit(X, STRINGS), NEGATIVE)
    yield Case("bernoulli-plain", BernoulliNB(binarize=None).fit(X > 2, Y), (ROWS > 2) * 1.0)
    labels = CATEGORIES.sum(axis=1) % 3
    rows = numpy.vstack([CATEGORIES[:8], [[0, 0, 0], [3, 1, 3]]])
    yield Case("categorical", CategoricalNB().fit(CATEGORIES, labels), rows)
    yield Case("categorical-strings", CategoricalNB(alpha=0.1).fit(CATEGORIES, STRINGS[::50][labels]), rows + 0.7)
    yield Case("categorical-more", CategoricalNB(min_categories=6).fit(CATEGORIES, labels == 0), rows + 2)
