"""Support vector machines."""

import numpy
import sklearn
from cases import Case
from sklearn.datasets import load_diabetes, load_iris
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

VERSION = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
IRIS = load_iris()
X, Y = IRIS.data[::2], IRIS.target[::2]
STRINGS = numpy.array(["setosa", "versicolor", "virgînica"])[Y]
ROWS = numpy.vstack([IRIS.data[1::24], [[0.0, 0.0, 0.0, 0.0], [40.0, -30.0, 20.0, -10.0], [1e-300, 5e-324, 1e-9, -1]]])
# Seven classes that overlap, so that pairs tie.
RANDOM = numpy.random.RandomState(7)
SEVEN = RANDOM.normal(size=(56, 3))
SEVEN_Y = numpy.arange(56) % 7
SEVEN_ROWS = numpy.vstack([RANDOM.normal(size=(30, 3)), 50 * RANDOM.normal(size=(3, 3))])
DIABETES = load_diabetes()
NEAR, NEAR_Y = DIABETES.data[::12, :4] * 10, DIABETES.target[::12]
NEAR_ROWS = numpy.vstack([DIABETES.data[::90, :4] * 10, [[9.0, -9.0, 9.0, 0.0], [0.0, 0.0, 0.0, 0.0]]])
KERNELS = {
    "linear": {"kernel": "linear"},
    "rbf": {"kernel": "rbf"},
    "rbf-auto": {"kernel": "rbf", "gamma": "auto"},
    "rbf-fixed": {"kernel": "rbf", "gamma": 0.7},
    "poly": {"kernel": "poly", "degree": 3},
    "poly-2": {"kernel": "poly", "degree": 2, "gamma": 0.2, "coef0": 1.5},
    "poly-0": {"kernel": "poly", "degree": 0},
    "sigmoid": {"kernel": "sigmoid", "gamma": 0.01, "coef0": -0.5},
}


def cases():
    for name, options in KERNELS.items():
        yield Case(f"svc-{name}", SVC(**options).fit(X, STRINGS), ROWS)
        yield Case(f"svr-{name}", SVR(C=5, **options).fit(NEAR, NEAR_Y), NEAR_ROWS)
    yield Case("svc-binary", SVC().fit(X, Y == 1), ROWS)
    yield Case("svc-float", SVC().fit(X, Y - 1.0), ROWS)
    yield Case("nu-svc", NuSVC(nu=0.3).fit(X, Y), ROWS)
    yield Case("nu-svr", NuSVR(nu=0.3).fit(NEAR, NEAR_Y), NEAR_ROWS)
    yield Case("svr-empty", SVR(epsilon=1e6).fit(NEAR, NEAR_Y), NEAR_ROWS)
    yield Case("one-class", OneClassSVM(nu=0.3).fit(X), ROWS)
    yield Case("one-class-linear", OneClassSVM(nu=0.3, kernel="linear").fit(X), ROWS)
    yield Case("svc-7", SVC(C=0.5, gamma=2).fit(SEVEN, SEVEN_Y), SEVEN_ROWS)
    yield Case("svc-7-ovo", SVC(C=0.5, gamma=2, decision_function_shape="ovo").fit(SEVEN, SEVEN_Y), SEVEN_ROWS)
    yield Case("svc-7-ties", SVC(C=0.5, gamma=2, break_ties=True).fit(SEVEN, SEVEN_Y), SEVEN_ROWS)
    yield Case("svc-binary-ties", SVC(break_ties=True, decision_function_shape="ovr").fit(X, Y == 1), ROWS)
    if VERSION < (1, 11):
        options = {"probability": True, "random_state": 1}
        yield Case("svc-proba", SVC(**options).fit(X, STRINGS), ROWS, tolerance=1e-9)
        yield Case("svc-proba-binary", SVC(**options).fit(X, Y == 2), ROWS, tolerance=1e-9)
        yield Case("svc-proba-linear", SVC(kernel="linear", **options).fit(X, Y), ROWS, tolerance=1e-9)
        yield Case("nu-svc-proba", NuSVC(nu=0.2, **options).fit(X, Y), ROWS, tolerance=1e-9)
        yield Case("svc-7-proba", SVC(C=5, gamma=2, **options).fit(SEVEN, SEVEN_Y), SEVEN_ROWS, tolerance=1e-9)
    # Probabilities cannot be asked for afterwards.
    yield Case("svc-unequal", SVC(class_weight="balanced", C=0.1).fit(X[:52], STRINGS[:52]), ROWS)
