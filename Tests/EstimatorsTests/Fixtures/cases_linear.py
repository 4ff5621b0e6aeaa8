"""Linear models."""

import numpy
import pandas
import sklearn
from cases import Case
from sklearn import linear_model as lm
from sklearn.datasets import load_diabetes, load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.svm import LinearSVC, LinearSVR

VERSION = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
IRIS = load_iris()
ROWS = numpy.vstack(
    [
        IRIS.data[::30],
        [[0.0, 0.0, 0.0, 0.0], [400.0, -300.0, 200.0, -100.0], [-1e4, 2e4, -3e4, 4e4], [1e-300, -1e-300, 5e-324, 1e-9]],
    ]
)
STRINGS = numpy.array(["setosa", "versicolor", "virgînica"])[IRIS.target]
BINARY = IRIS.target > 0
WIDE = numpy.random.RandomState(5).normal(size=(40, 11))
WIDE_ROWS = numpy.vstack([WIDE[:5], 100 * WIDE[5:7], numpy.zeros((1, 11))])
DIABETES = load_diabetes()
DIABETES_ROWS = numpy.vstack([DIABETES.data[::90], 1000 * DIABETES.data[3:5], numpy.zeros((1, 10))])
# A second and a third target, which are linear in the first and the features.
TARGETS = numpy.column_stack(
    [DIABETES.target, 300 - 0.5 * DIABETES.target + 50 * DIABETES.data[:, 2], 100 * DIABETES.data[:, 8] - 7]
)


def cases():
    yield from logistic()
    yield from classifiers()
    yield from discriminants()
    yield from regressors()
    yield from generalized()


def logistic():
    X, y = IRIS.data, IRIS.target
    yield Case("logistic", lm.LogisticRegression(max_iter=500).fit(X, y), ROWS)
    yield Case("logistic-strings", lm.LogisticRegression(max_iter=500).fit(X, STRINGS), ROWS)
    yield Case("logistic-bool", lm.LogisticRegression(max_iter=500).fit(X, BINARY), ROWS)
    yield Case("logistic-float", lm.LogisticRegression(max_iter=500).fit(X, y - 1.0), ROWS)
    yield Case("logistic-negative", lm.LogisticRegression(max_iter=500).fit(X, 1 - 2 * BINARY), ROWS)
    yield Case("logistic-plain", lm.LogisticRegression(max_iter=500, fit_intercept=False).fit(X, y), ROWS)
    yield Case("logistic-float32", lm.LogisticRegression(max_iter=500).fit(X.astype("f4"), y), ROWS)
    yield Case("logistic-liblinear", lm.LogisticRegression(solver="liblinear").fit(X, BINARY), ROWS)
    yield Case("logistic-l1", lm.LogisticRegression(solver="saga", **penalty("l1"), C=0.1).fit(X, y), ROWS)
    yield Case("logistic-newton-cholesky", lm.LogisticRegression(solver="newton-cholesky").fit(X, y), ROWS)
    if VERSION < (1, 8):
        for choice in ["ovr", "multinomial", "auto"]:
            for solver in ["lbfgs", "liblinear"]:
                if (choice, solver) != ("multinomial", "liblinear"):
                    model = lm.LogisticRegression(multi_class=choice, solver=solver, max_iter=500)
                    yield Case(f"logistic-{choice}-{solver}", model.fit(X, y), ROWS[:-2])
        model = lm.LogisticRegression(multi_class="multinomial", max_iter=500)
        yield Case("logistic-symmetric", model.fit(X, BINARY), ROWS)
    yield Case("logistic-cv", lm.LogisticRegressionCV(Cs=3, cv=2, max_iter=2000).fit(X, STRINGS), ROWS)
    frame = pandas.DataFrame(X, columns=["länge", "b", "c", "d"])
    rows = pandas.DataFrame(ROWS, columns=frame.columns)
    yield Case("logistic-frame", lm.LogisticRegression(max_iter=500).fit(frame, y), rows)
    # 19 classes and 11 features: whole and broken groups of sums.
    model = lm.LogisticRegression(C=0.2, max_iter=50).fit(WIDE, numpy.arange(40) % 19)
    yield Case("logistic-19", model, WIDE_ROWS)


def penalty(kind):
    return {"l1_ratio": 1.0} if VERSION >= (1, 8) and kind == "l1" else {"penalty": kind}


def classifiers():
    X, y = IRIS.data, IRIS.target
    for loss in [
        "hinge",
        "squared_hinge",
        "perceptron",
        "log_loss",
        "modified_huber",
        "squared_error",
        "huber",
        "epsilon_insensitive",
        "squared_epsilon_insensitive",
    ]:
        options = {"loss": loss, "random_state": 1, "alpha": 0.01, "max_iter": 20, "tol": None}
        yield Case(f"sgd-{loss}", lm.SGDClassifier(**options).fit(X, STRINGS), ROWS[:-2])
        if loss in ("log_loss", "modified_huber"):
            yield Case(f"sgd-{loss}-binary", lm.SGDClassifier(**options).fit(X, BINARY), ROWS)
    # Every score at or below -1: all classes are equally probable.
    model = lm.SGDClassifier(loss="modified_huber", random_state=1).fit(X, y)
    model.intercept_ = numpy.full(3, -1e9)
    yield Case("sgd-modified_huber-none", model, ROWS)
    model = lm.SGDClassifier(loss="log_loss", average=True, learning_rate="constant", eta0=0.01, random_state=1)
    yield Case("sgd-average", model.fit(X, y), ROWS[:-2])
    yield Case("sgd-one-class", lm.SGDOneClassSVM(random_state=1, nu=0.3).fit(X), ROWS)
    yield Case("perceptron", lm.Perceptron(random_state=1).fit(X, y), ROWS)
    yield Case("perceptron-binary", lm.Perceptron(random_state=1).fit(X, STRINGS == "setosa"), ROWS)
    yield Case("passive-aggressive", lm.PassiveAggressiveClassifier(random_state=1).fit(X, STRINGS), ROWS)
    yield Case("ridge-classifier", lm.RidgeClassifier().fit(X, STRINGS), ROWS)
    yield Case("ridge-classifier-binary", lm.RidgeClassifier(fit_intercept=False).fit(X, BINARY), ROWS)
    yield Case("ridge-classifier-cv", lm.RidgeClassifierCV(alphas=[0.1, 10]).fit(X, y), ROWS)
    yield Case("linear-svc", LinearSVC(random_state=1, dual=True, max_iter=5000).fit(X, STRINGS), ROWS)
    yield Case("linear-svc-binary", LinearSVC(random_state=1, dual=True, fit_intercept=False).fit(X, BINARY), ROWS)
    yield Case("linear-svc-crammer", LinearSVC(random_state=1, multi_class="crammer_singer").fit(X, y), ROWS)
    yield Case(
        "linear-svc-crammer-binary", LinearSVC(random_state=1, multi_class="crammer_singer").fit(X, BINARY), ROWS
    )


def discriminants():
    X, y = IRIS.data, IRIS.target
    yield Case("lda", LinearDiscriminantAnalysis().fit(X, STRINGS), ROWS)
    yield Case("lda-binary", LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(X, BINARY), ROWS)
    yield Case("lda-eigen", LinearDiscriminantAnalysis(solver="eigen", priors=[0.1, 0.2, 0.7]).fit(X, y), ROWS)
    yield Case("qda", QuadraticDiscriminantAnalysis().fit(X, STRINGS), ROWS)
    yield Case("qda-binary", QuadraticDiscriminantAnalysis(reg_param=0.2).fit(X, BINARY), ROWS)
    if VERSION >= (1, 9):
        model = QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.1, priors=[0.5, 0.3, 0.2])
        yield Case("qda-eigen", model.fit(X, y), ROWS)


def regressors():
    X, y = DIABETES.data, DIABETES.target
    single = {
        "linear": lm.LinearRegression(),
        "linear-plain": lm.LinearRegression(fit_intercept=False),
        "linear-positive": lm.LinearRegression(positive=True),
        "ridge": lm.Ridge(alpha=0.5),
        "ridge-sag": lm.Ridge(solver="sag", random_state=1),
        "ridge-cv": lm.RidgeCV(alphas=[0.1, 1]),
        "lasso": lm.Lasso(alpha=0.5),
        "lasso-cv": lm.LassoCV(cv=2, **({"n_alphas": 5} if VERSION < (1, 7) else {"alphas": 5})),
        "elastic-net": lm.ElasticNet(alpha=0.01),
        "elastic-net-cv": lm.ElasticNetCV(cv=2, **({"n_alphas": 5} if VERSION < (1, 7) else {"alphas": 5})),
        "lars": lm.Lars(n_nonzero_coefs=4),
        "lars-cv": lm.LarsCV(cv=2, max_iter=5),
        "lasso-lars": lm.LassoLars(alpha=0.1),
        "lasso-lars-cv": lm.LassoLarsCV(cv=2, max_iter=5),
        "lasso-lars-ic": lm.LassoLarsIC(criterion="bic"),
        "omp": lm.OrthogonalMatchingPursuit(n_nonzero_coefs=4),
        "omp-cv": lm.OrthogonalMatchingPursuitCV(cv=2),
        "bayesian-ridge": lm.BayesianRidge(),
        "ard": lm.ARDRegression(),
        "huber": lm.HuberRegressor(max_iter=500),
        "theil-sen": lm.TheilSenRegressor(random_state=1, max_subpopulation=50),
        "quantile": lm.QuantileRegressor(quantile=0.7, alpha=0.01, solver="highs"),
        "passive-aggressive-regressor": lm.PassiveAggressiveRegressor(random_state=1),
        "linear-svr": LinearSVR(random_state=1, C=10, dual=True),
        "linear-svr-plain": LinearSVR(random_state=1, C=10, dual=True, fit_intercept=False),
    }
    for loss in ["squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"]:
        single[f"sgd-regressor-{loss}"] = lm.SGDRegressor(loss=loss, random_state=1, max_iter=50, tol=None)
    for name, model in single.items():
        yield Case(name, slim(model.fit(X, y)), DIABETES_ROWS)
    # A list of one number is not a number.
    yield Case("linear-column", lm.LinearRegression().fit(X, y.reshape(-1, 1)), DIABETES_ROWS)
    yield Case("linear-float32", lm.LinearRegression().fit(X.astype("f4"), y.astype("f4")), DIABETES_ROWS)
    yield Case("linear-integers", lm.LinearRegression().fit(IRIS.data, IRIS.target), ROWS)
    yield Case("linear-one-feature", lm.LinearRegression().fit(X[:, 2:3], y), DIABETES_ROWS[:, 2:3])
    multiple = {
        "linear-targets": lm.LinearRegression(),
        "linear-targets-plain": lm.LinearRegression(fit_intercept=False),
        "ridge-targets": lm.Ridge(alpha=numpy.array([0.1, 1.0, 10.0])),
        "ridge-cv-targets": lm.RidgeCV(alphas=[0.1, 1]),
        "lasso-targets": lm.Lasso(alpha=0.1),
        "multi-task-lasso": lm.MultiTaskLasso(alpha=0.1),
        "multi-task-lasso-cv": lm.MultiTaskLassoCV(cv=2, **({"n_alphas": 5} if VERSION < (1, 7) else {"alphas": 5})),
        "multi-task-elastic-net": lm.MultiTaskElasticNet(alpha=0.1),
        "multi-task-elastic-net-cv": lm.MultiTaskElasticNetCV(
            cv=2, **({"n_alphas": 5} if VERSION < (1, 7) else {"alphas": 5})
        ),
        "lasso-lars-targets": lm.LassoLars(alpha=0.5),
        "omp-targets": lm.OrthogonalMatchingPursuit(n_nonzero_coefs=5),
    }
    for name, model in multiple.items():
        yield Case(name, slim(model.fit(X, TARGETS)), DIABETES_ROWS)


def generalized():
    X, y = DIABETES.data, DIABETES.target
    yield Case("poisson", lm.PoissonRegressor(alpha=0.01).fit(X, y), DIABETES_ROWS[:5])
    yield Case("gamma", lm.GammaRegressor(alpha=0.01).fit(X, y), DIABETES_ROWS[:5])
    for power, link in [(0, "auto"), (0, "log"), (1, "auto"), (1.5, "identity"), (1.5, "auto"), (3, "log")]:
        model = lm.TweedieRegressor(power=power, link=link, alpha=0.01).fit(X, y)
        yield Case(f"tweedie-{power}-{link}", model, DIABETES_ROWS[:5])


def slim(model):
    """Takes the training set's traces out, which fill the file and no prediction needs."""
    for name in ["sparse_coef_", "mse_path_", "coef_path_", "alphas_", "outliers_", "sigma_", "scores_", "cv_alphas_"]:
        if name in vars(model):
            delattr(model, name)
    return model
