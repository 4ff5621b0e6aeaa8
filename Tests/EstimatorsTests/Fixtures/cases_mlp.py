"""Neural networks."""

import numpy
import sklearn
from cases import Case
from sklearn.datasets import load_diabetes, load_iris
from sklearn.neural_network import MLPClassifier, MLPRegressor

VERSION = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
IRIS = load_iris()
X, Y = IRIS.data, IRIS.target
STRINGS = numpy.array(["setosa", "versicolor", "virgînica"])[Y]
ROWS = numpy.vstack([X[::30], [[0.0, 0.0, 0.0, 0.0], [40.0, -30.0, 20.0, -10.0], [1e4, 2e4, -3e4, 4e4], [1e-300] * 4]])
DIABETES = load_diabetes()
DIABETES_ROWS = numpy.vstack([DIABETES.data[::90], 100 * DIABETES.data[3:5], numpy.zeros((1, 10))])
TARGETS = numpy.column_stack([DIABETES.target / 100, 3 * DIABETES.data[:, 2], DIABETES.data[:, 8] - 1])


def cases():
    for activation in ["identity", "logistic", "tanh", "relu"]:
        options = {"activation": activation, "random_state": 1, "max_iter": 30}
        model = MLPClassifier(hidden_layer_sizes=(7,), solver="lbfgs", **options)
        yield Case(f"mlp-{activation}", slim(model.fit(X, STRINGS)), ROWS)
        model = MLPClassifier(hidden_layer_sizes=(5, 18), **options)
        yield Case(f"mlp-{activation}-binary", slim(model.fit(X, Y > 0)), ROWS)
        model = MLPRegressor(hidden_layer_sizes=(6, 3), solver="lbfgs", **options)
        yield Case(f"mlp-regressor-{activation}", slim(model.fit(DIABETES.data, DIABETES.target)), DIABETES_ROWS)
    options = {"random_state": 1, "max_iter": 30, "solver": "lbfgs"}
    yield Case("mlp-deep", slim(MLPClassifier((3, 4, 5, 2), **options).fit(X, Y + 1)), ROWS)
    yield Case("mlp-wide", slim(MLPClassifier((34,), **options).fit(X, Y - 1.0)), ROWS)
    yield Case("mlp-flat", slim(MLPClassifier((), **options).fit(X, Y)), ROWS)
    yield Case("mlp-float32", slim(MLPClassifier((4,), **options).fit(X.astype("f4"), Y)), ROWS)
    yield Case("mlp-regressor-targets", slim(MLPRegressor(hidden_layer_sizes=(5,), **options).fit(DIABETES.data, TARGETS)), DIABETES_ROWS)
    model = MLPRegressor(hidden_layer_sizes=(5,), **options).fit(DIABETES.data, DIABETES.target.reshape(-1, 1))
    yield Case("mlp-regressor-column", slim(model), DIABETES_ROWS)
    if VERSION >= (1, 7):
        model = MLPRegressor(hidden_layer_sizes=(5,), loss="poisson", **options).fit(DIABETES.data, DIABETES.target / 100)
        yield Case("mlp-regressor-poisson", slim(model), DIABETES_ROWS[:6])


def slim(model):
    """Takes the training's traces out, which fill the file and no prediction needs."""
    for name in ["_optimizer", "loss_curve_", "validation_scores_", "_random_state", "_no_improvement_count"]:
        if name in vars(model):
            delattr(model, name)
    return model
