"""What chooses features, and what combines them."""

import numpy
import pandas
from cases import Case
from cases_preprocessing import NAN, VERSION
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA, FastICA, IncrementalPCA, TruncatedSVD
from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
    f_classif,
    mutual_info_classif,
)
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

IRIS = load_iris()
RANDOM = numpy.random.default_rng(11)
# Some features twice, so that scores are equal; some that say nothing, and one that never differs.
DATA = numpy.hstack([IRIS.data, IRIS.data[:, 1:3], RANDOM.normal(size=(150, 3)), numpy.ones((150, 1))])
ROWS = numpy.vstack([DATA[::25], numpy.zeros((1, 10)), RANDOM.normal(size=(2, 10)) * [1e3, 1, 1e-3, 1, 1, 1, 1e6, 1, 1, 1]])


def cases():
    yield from selectors()
    yield from projections()


def selectors():
    def case(name, selector, data=DATA):
        return Case(f"select-{name}", selector.fit(data, IRIS.target), ROWS, tolerance=0)

    yield case("best", SelectKBest(f_classif, k=3))
    yield case("best-all", SelectKBest(k="all"))
    yield case("best-information", SelectKBest(information, k=4))
    for percentile in 10, 25, 33, 50, 77, 100:
        yield case(f"percentile-{percentile}", SelectPercentile(percentile=percentile))
    yield case("fpr", SelectFpr(alpha=0.5))
    yield case("fdr", SelectFdr(alpha=0.3))
    yield case("fwe", SelectFwe(alpha=0.9))
    for mode, parameter in ("percentile", 30), ("k_best", 2), ("fpr", 0.2), ("fdr", 0.01), ("fwe", 1e-20):
        yield case(f"generic-{mode}", GenericUnivariateSelect(mode=mode, param=parameter))
    yield Case("select-generic-all", GenericUnivariateSelect(mode="k_best", param="all").fit(DATA, IRIS.target), ROWS)
    yield case("variance", VarianceThreshold())
    holed = numpy.where(RANDOM.random(DATA.shape) < 0.1, NAN, DATA)
    yield Case("select-variance-missing", VarianceThreshold(0.5).fit(holed), numpy.vstack([ROWS, holed[:5]]), tolerance=0)
    # By themselves, they predict.
    yield case("rfe", make_pipeline(RFE(LogisticRegression(max_iter=300), n_features_to_select=4), MinMaxScaler()))
    yield case("rfecv", make_pipeline(RFECV(LogisticRegression(max_iter=300), min_features_to_select=2), MinMaxScaler()))
    yield case("sequential", SequentialFeatureSelector(Ridge(), n_features_to_select=2))
    for name, options in {
        "mean": {},
        "median": {"threshold": "median"},
        "scaled": {"threshold": "1.25*mean"},
        "scaled-median": {"threshold": "0.5 * median"},
        "number": {"threshold": 0.05},
        "most": {"threshold": -numpy.inf, "max_features": 3},
        "some": {"threshold": "mean", "max_features": 1},
        "function": {"max_features": most},
        "square": {"norm_order": 2},
        "largest": {"norm_order": numpy.inf},
    }.items():
        yield case(f"model-{name}", SelectFromModel(LogisticRegression(max_iter=300), **options))
    yield case("model-lasso", SelectFromModel(Lasso(alpha=0.05)))
    sparse = {"l1_ratio": 1.0} if VERSION >= (1, 8) else {"penalty": "l1"}
    yield case("model-l1", SelectFromModel(LogisticRegression(solver="saga", C=0.1, random_state=0, **sparse)))
    equal = Ridge().fit(DATA, IRIS.target)
    equal.coef_ = numpy.full(10, 0.1)
    yield case("model-equal", SelectFromModel(equal, prefit=True))
    yield case("model-prefit", SelectFromModel(Ridge().fit(DATA, IRIS.target), prefit=True))
    for name, model in {
        "tree": DecisionTreeClassifier(max_depth=4, random_state=0),
        "forest": RandomForestClassifier(4, max_depth=3, random_state=0),
        "extra": ExtraTreesRegressor(3, max_depth=3, random_state=0),
        "boosting": GradientBoostingClassifier(n_estimators=2, max_depth=2, random_state=0),
    }.items():
        yield case(f"model-{name}", SelectFromModel(model))
        yield case(f"model-{name}-median", SelectFromModel(model, threshold="1.5*median", max_features=4))
    # Trees without a test.
    alone = RandomForestClassifier(2, max_depth=1, min_samples_leaf=150, random_state=0)
    yield case("model-alone", SelectFromModel(alone, threshold=0.0))
    frame = pandas.DataFrame(DATA, columns=list("abcdefghij"))
    named = make_pipeline(SelectKBest(k=4), StandardScaler(), LogisticRegression()).fit(frame, IRIS.target)
    yield Case("select-named", named, pandas.DataFrame(ROWS, columns=list("abcdefghij")))


def most(data):
    return data.shape[1] // 3


def information(data, target):
    return mutual_info_classif(data, target, random_state=0)


def projections():
    def case(name, projection):
        return Case(f"projection-{name}", projection.fit(DATA), ROWS)

    yield case("pca", PCA())
    yield case("pca-whitened", PCA(3, whiten=True))
    yield case("pca-share", PCA(0.95))
    yield case("pca-randomized", PCA(2, svd_solver="randomized", random_state=0))
    yield Case("projection-pca-far", PCA(2).fit(DATA + 100), ROWS + 100)
    yield case("incremental", IncrementalPCA(3, batch_size=40))
    yield case("incremental-whitened", IncrementalPCA(2, whiten=True))
    yield case("svd", TruncatedSVD(3, random_state=0))
    yield case("svd-arpack", TruncatedSVD(2, algorithm="arpack", random_state=0))
    yield case("ica", FastICA(2, random_state=0, whiten="unit-variance"))
    yield case("ica-arbitrary", FastICA(2, random_state=0, whiten="arbitrary-variance"))
    model = make_pipeline(StandardScaler(), PCA(4, whiten=True), LogisticRegression(max_iter=300))
    yield Case("projection-model", model.fit(DATA, IRIS.target), ROWS)
    yield Case("projection-regression", make_pipeline(PCA(3), LinearRegression()).fit(DATA, IRIS.target), ROWS)
