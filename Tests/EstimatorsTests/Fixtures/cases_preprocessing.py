"""Scalers, imputers and encoders by themselves."""

import numpy
import pandas
import sklearn
from cases import Case
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)

VERSION = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
NAN = float("nan")
RANDOM = numpy.random.default_rng(7)
NUMBERS = RANDOM.normal(size=(40, 4)) * [1, 100, 1e-3, 5] + [0, 50, 0, -3]
HOLES = numpy.where(RANDOM.random((40, 4)) < 0.2, NAN, NUMBERS)
ROWS = numpy.vstack([NUMBERS[:4], [[0, 0, 0, 0], [1e12, -1e12, 1e-300, -0.0], [-1e6, 3, 7, 1e300]]])
HOLED_ROWS = numpy.vstack([HOLES[:6], [[NAN, NAN, NAN, NAN], [0, 1e300, -1e-300, 5]]])


def texts(*values):
    """Texts and missing values as data frames had them before pandas 3."""
    return pandas.Series(list(values), dtype=object)


FRAME = pandas.DataFrame({
    "city": texts("Paris", "Rome", "Paris", "Oslo", "Rome", "Paris", "Bonn", "Łódź"),
    "size": texts("S", "M", NAN, "L", "M", NAN, "S", "S"),
    "grade": texts("a", "b", None, "a", "b", "c", None, "a"),
    "floor": [1, 2, 3, 1, 2, 1, 3, 12],
    "rate": [0.5, 1.0, NAN, 0.5, 1.0, 1.0, NAN, 0.5],
    "open": [True, False, True, True, False, True, False, True],
})
ASKED = pandas.DataFrame({
    "city": texts("Paris", "Rome", "Oslo", "Łódź"),
    "size": texts("S", NAN, "L", "M"),
    "grade": texts("c", "b", "a", None),
    "floor": [1, 3, 12, 2],
    "rate": [NAN, 0.5, 1.0, 1.0],
    "open": [True, False, False, True],
})
# Values that are no categories, in every column but the one of Booleans.
STRANGE = pandas.DataFrame({
    "city": texts("Rome", "", "paris", None),
    "size": texts("XL", "S", "M", NAN),
    "grade": texts("b", "d", "a", None),
    "floor": [1, 4, 2, -1],
    "rate": [0.0, NAN, 0.75, 1.0],
    "open": [True, False, True, False],
})


def cases():
    yield from scalers()
    yield from shapes()
    yield from imputers()
    yield from one_hot()
    yield from ordinal()
    if VERSION >= (1, 3):
        yield from target()


def scalers():
    for name, scaler in {
        "standard": StandardScaler(),
        "standard-mean": StandardScaler(with_std=False),
        "standard-scale": StandardScaler(with_mean=False),
        "min-max": MinMaxScaler((-2, 3)),
        "min-max-clip": MinMaxScaler(clip=True),
        "max-abs": MaxAbsScaler(),
        "robust": RobustScaler(),
        "robust-center": RobustScaler(with_scaling=False),
        "robust-scale": RobustScaler(with_centering=False, quantile_range=(10, 90), unit_variance=True),
    }.items():
        yield Case(name, scaler.fit(HOLES), numpy.vstack([ROWS, HOLED_ROWS]), tolerance=0)
    if VERSION >= (1, 9):
        yield Case("max-abs-clip", MaxAbsScaler(clip=True).fit(HOLES), HOLED_ROWS, tolerance=0)
    constant = NUMBERS * [1, 0, 1, 0] + [0, 5, 0, 0]
    yield Case("standard-constant", StandardScaler().fit(constant), ROWS, tolerance=0)
    yield Case("normalizer-l1", Normalizer("l1").fit(NUMBERS), ROWS)
    yield Case("normalizer-l2", Normalizer("l2").fit(NUMBERS), ROWS)
    tiny = numpy.vstack([ROWS, [[1e-16, 1e-17, 0, 0], [1e-15, 0, 2e-15, 0]]])
    yield Case("normalizer-max", Normalizer("max").fit(NUMBERS), tiny)
    yield Case("binarizer", Binarizer(threshold=0.5).fit(NUMBERS), ROWS, tolerance=0)


def imputers():
    for strategy in "mean", "median", "most_frequent", "constant":
        yield Case(f"imputer-{strategy}", SimpleImputer(strategy=strategy).fit(HOLES), HOLED_ROWS, tolerance=0)
    constant = SimpleImputer(strategy="constant", fill_value=-7.5, add_indicator=True)
    yield Case("imputer-indicator", constant.fit(HOLES), HOLED_ROWS, tolerance=0)
    some = HOLES.copy()
    some[:, [0, 2]] = NUMBERS[:, [0, 2]]
    yield Case("imputer-some", SimpleImputer(add_indicator=True).fit(some), HOLED_ROWS, tolerance=0)
    empty = HOLES.copy()
    empty[:, 1] = NAN
    for keep in False, True:
        imputer = SimpleImputer(strategy="median", keep_empty_features=keep, add_indicator=True)
        yield Case(f"imputer-empty-{keep}".lower(), imputer.fit(empty), HOLED_ROWS, tolerance=0)
    zeros = numpy.where(numpy.isnan(HOLES), -1, HOLES)
    asked = numpy.where(numpy.isnan(HOLED_ROWS), -1, HOLED_ROWS)
    yield Case("imputer-number", SimpleImputer(missing_values=-1, add_indicator=True).fit(zeros), asked, tolerance=0)
    whole = numpy.where(numpy.isnan(HOLES), -1, HOLES.round()).astype(int)
    asked = numpy.where(numpy.isnan(HOLED_ROWS[:6]), -1, HOLED_ROWS[:6].round()).astype(int)
    imputer = SimpleImputer(missing_values=-1, strategy="most_frequent")
    yield Case("imputer-integers", imputer.fit(whole), asked, tolerance=0)
    words = FRAME[["city", "size"]]
    imputer = SimpleImputer(strategy="most_frequent", add_indicator=True)
    yield Case("imputer-texts", imputer.fit(words), ASKED[["city", "size"]], tolerance=0)
    mixed = ["size", "floor", "rate"]
    yield Case("imputer-mixed", SimpleImputer(strategy="most_frequent").fit(FRAME[mixed]), ASKED[mixed], tolerance=0)
    imputer = SimpleImputer(strategy="constant", fill_value="none", missing_values=None)
    yield Case("imputer-none", imputer.fit(FRAME[["grade"]]), ASKED[["grade"]], tolerance=0)
    imputer = SimpleImputer(strategy="constant")
    yield Case("imputer-default", imputer.fit(FRAME[["size"]]), ASKED[["size"]], tolerance=0)
    imputer = SimpleImputer(strategy="most_frequent", missing_values="M", add_indicator=True)
    filled = FRAME[["size"]].fillna("S")
    yield Case("imputer-text", imputer.fit(filled), filled.iloc[:5], tolerance=0)
    far = numpy.vstack([ROWS[:3], HOLED_ROWS[:7]])
    for weights in "uniform", "distance":
        for count in 1, 3, 100:
            imputer = KNNImputer(n_neighbors=count, weights=weights)
            # The library's distances are differences of large squares, and weights are their inverses.
            tolerance = 1e-12 if weights == "uniform" else 1e-6
            yield Case(f"imputer-neighbors-{weights}-{count}", imputer.fit(HOLES), far, tolerance=tolerance)
    yield Case("imputer-neighbors-some", KNNImputer(n_neighbors=2, add_indicator=True).fit(some), HOLED_ROWS[:7])
    yield Case("imputer-neighbors-empty", KNNImputer(n_neighbors=2).fit(empty), HOLED_ROWS[:7])
    imputer = KNNImputer(n_neighbors=2, keep_empty_features=True)
    yield Case("imputer-neighbors-kept", imputer.fit(empty), HOLED_ROWS[:7])
    imputer = KNNImputer(n_neighbors=2, missing_values=-1)
    yield Case("imputer-neighbors-number", imputer.fit(zeros), numpy.where(numpy.isnan(far), -1, far))
    yield Case("indicator", MissingIndicator(error_on_new=False).fit(some), HOLED_ROWS, tolerance=0)
    yield Case("indicator-new", MissingIndicator().fit(some), numpy.where([[0, 1, 0, 1]], HOLED_ROWS, 0), tolerance=0)
    yield Case("indicator-all", MissingIndicator(features="all").fit(some), HOLED_ROWS, tolerance=0)


def one_hot():
    def case(name, columns, rows=ASKED, **options):
        return Case(f"one-hot-{name}", OneHotEncoder(**options).fit(FRAME[columns]), rows[columns], tolerance=0)

    every = list(FRAME.columns)
    yield case("error", every)
    yield case("ignore", every, STRANGE, handle_unknown="ignore")
    yield case("first", every, drop="first")
    yield case("first-ignore", every, STRANGE, drop="first", handle_unknown="ignore")
    yield case("if-binary", every, STRANGE, drop="if_binary", handle_unknown="ignore")
    yield case("array", every, drop=["Rome", NAN, "b", 12, 0.5, False])
    yield case("infrequent", every, STRANGE, min_frequency=3, handle_unknown="infrequent_if_exist")
    yield case("infrequent-ignore", every, STRANGE, min_frequency=2, handle_unknown="ignore")
    yield case("infrequent-error", every, min_frequency=0.3)
    yield case("infrequent-first", every, STRANGE, max_categories=3, drop="first", handle_unknown="infrequent_if_exist")
    yield case("infrequent-binary", every, STRANGE, max_categories=2, drop="if_binary", handle_unknown="ignore")
    if VERSION >= (1, 6):
        yield case("warn", every, STRANGE, max_categories=2, handle_unknown="warn")
    yield case("given", ["city", "floor"], categories=[["Rome", "Paris", "Bonn", "Oslo", "Łódź"], [1, 2, 3, 12]])
    yield Case("one-hot-strings", OneHotEncoder().fit(numpy.array([["a", "xyz"], ["bc", "z"]])),
               pandas.DataFrame({"0": ["bc", "a"], "1": ["xyz", "z"]}), tolerance=0)
    numbers = numpy.array([[1, 2.5], [3, NAN], [-0.0, 1e300]])
    yield Case("one-hot-numbers", OneHotEncoder(handle_unknown="ignore").fit(numbers),
               numpy.array([[0.0, NAN], [1.0, 2.5], [3.0, 7.0], [4.0, 1e300]]), tolerance=0)


def ordinal():
    def case(name, columns, rows=ASKED, **options):
        return Case(f"ordinal-{name}", OrdinalEncoder(**options).fit(FRAME[columns]), rows[columns], tolerance=0)

    every = list(FRAME.columns)
    yield case("error", every)
    yield case("unknown", every, STRANGE, handle_unknown="use_encoded_value", unknown_value=-1)
    yield case("unknown-nan", every, STRANGE, handle_unknown="use_encoded_value", unknown_value=NAN,
               encoded_missing_value=-2)
    yield case("missing", every, encoded_missing_value=-1)
    yield case("given", ["floor"], categories=[[1, 2, 3, 12]], dtype=int)
    if VERSION >= (1, 3):
        yield case("infrequent", every, STRANGE, handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=2)
        yield case("infrequent-most", every, max_categories=2, encoded_missing_value=9)


def target():
    from sklearn.preprocessing import TargetEncoder

    def case(name, target, rows=ASKED, **options):
        encoder = TargetEncoder(**options).fit(FRAME, target)
        return Case(f"target-{name}", encoder, rows, tolerance=0)

    yield case("numbers", [1.5, 2, 3, 4, 5, 6, 7, 8])
    yield case("binary", ["no", "yes", "no", "no", "yes", "yes", "no", "no"], STRANGE)
    if VERSION >= (1, 4):
        yield case("classes", [0, 1, 2, 0, 1, 2, 0, 1], STRANGE, smooth=2.0)


def shapes():
    small = RANDOM.normal(size=(30, 3))
    rows = numpy.vstack([small[:4], [[0, 0, 0], [1e50, -2.5, 1e-30], [-1, 1, 2]]])
    for name, options in {
        "standard": {},
        "third": {"degree": 3},
        "interaction": {"degree": 3, "interaction_only": True},
        "no-bias": {"degree": 2, "include_bias": False},
        "from-two": {"degree": (2, 3)},
        "from-two-no-bias": {"degree": (2, 4), "include_bias": False, "interaction_only": True},
        "only-third": {"degree": (3, 3), "include_bias": False},
        "zero": {"degree": 0},
        "one": {"degree": 1},
        "order": {"degree": 2, "order": "F"},
    }.items():
        yield Case(f"polynomial-{name}", PolynomialFeatures(**options).fit(small), rows, tolerance=0)
    edges = numpy.vstack([ROWS, NUMBERS.min(axis=0), NUMBERS.max(axis=0), numpy.median(NUMBERS, axis=0)])
    for encode in "onehot", "onehot-dense", "ordinal":
        for strategy in "uniform", "quantile", "kmeans":
            bins = KBinsDiscretizer([3, 4, 2, 5], encode=encode, strategy=strategy, random_state=0)
            yield Case(f"bins-{encode}-{strategy}", bins.fit(NUMBERS), edges, tolerance=0)
    narrow = KBinsDiscretizer(3, encode="ordinal", dtype=numpy.float32, strategy="uniform").fit(NUMBERS)
    yield Case("bins-narrow", narrow, numpy.vstack([NUMBERS[:8], numpy.array([edge[1] for edge in narrow.bin_edges_])]),
               tolerance=0)
    yield from splines(small)
    skewed = numpy.exp(RANDOM.normal(size=(50, 3)) * [1, 0.1, 2])
    asked = numpy.vstack([skewed[:5], [[1e-3, 1.0, 100.0], [5.0, 0.5, 1e-5]]])
    holed = numpy.vstack([asked, [[NAN, 1, NAN]]])
    yield Case("power-box-cox", PowerTransformer("box-cox").fit(skewed), holed)
    yield Case("power-box-cox-plain", PowerTransformer("box-cox", standardize=False).fit(skewed), asked)
    both = RANDOM.normal(size=(50, 3)) * [1, 10, 0.1] + [0, 3, 0]
    asked = numpy.vstack([both[:5], [[0, 0, 0], [-20, 300, 5], [NAN, NAN, NAN], [30, -40, -2]]])
    yield Case("power-yeo-johnson", PowerTransformer().fit(both), asked)
    yield Case("power-yeo-johnson-plain", PowerTransformer(standardize=False).fit(both), asked)
    special = PowerTransformer(standardize=False).fit(both)
    special.lambdas_ = numpy.array([0.0, 2.0, 1.0])
    yield Case("power-special", special, asked)
    repeated = numpy.hstack([both[:, :2], both[:, 2:].round(1)])
    asked = numpy.vstack([repeated[:8], repeated.min(axis=0), repeated.max(axis=0), asked])
    for distribution in "uniform", "normal":
        for count in 7, 50:
            quantiles = QuantileTransformer(n_quantiles=count, output_distribution=distribution, random_state=0)
            yield Case(f"quantile-{distribution}-{count}", quantiles.fit(repeated), asked)


def splines(data):
    inside = numpy.vstack([data[:4], data.min(axis=0), data.max(axis=0), numpy.median(data, axis=0)])
    beyond = numpy.vstack([inside, data.min(axis=0) - 0.5, data.max(axis=0) + 10, data.max(axis=0) + 0.01])
    for extrapolation in "constant", "linear", "continue", "periodic", "error":
        for degree in 1, 2, 3:
            spline = SplineTransformer(degree=degree, n_knots=5, extrapolation=extrapolation).fit(data)
            rows = inside if extrapolation == "error" else beyond
            yield Case(f"spline-{extrapolation}-{degree}", spline.fit(data), rows)
    yield Case("spline-linear-0", SplineTransformer(degree=0, extrapolation="linear").fit(data), beyond)
    spline = SplineTransformer(knots="quantile", n_knots=4, include_bias=False)
    yield Case("spline-quantile", spline.fit(data), beyond)
    if VERSION >= (1, 8):
        spline = SplineTransformer(handle_missing="zeros", extrapolation="linear")
        yield Case("spline-missing", spline.fit(HOLES), numpy.vstack([HOLED_ROWS[:7], NUMBERS.max(axis=0) + 1]))
