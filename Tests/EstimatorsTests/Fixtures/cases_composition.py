"""Pipelines, column transformers, unions and functions."""

import numpy
import pandas
import sklearn
from cases import Case
from cases_preprocessing import NAN, VERSION, texts
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

# Earlier versions of scikit-learn change arrays that pandas 3 doesn't let them change.
readable = pandas.DataFrame.__array__
pandas.DataFrame.__array__ = lambda frame, dtype=None, copy=None: numpy.array(readable(frame, dtype))

IRIS = load_iris()
ROWS = numpy.vstack([IRIS.data[::30], [[0.0, 0.0, 0.0, 0.0], [400.0, -300.0, 200.0, -100.0]]])
RANDOM = numpy.random.default_rng(3)


def people(count):
    def some(values, missing):
        return texts(*numpy.where(RANDOM.random(count) < missing, numpy.array(NAN, dtype=object),
                                  RANDOM.choice(numpy.array(values, dtype=object), count)))

    return pandas.DataFrame({
        "age": numpy.where(RANDOM.random(count) < 0.2, NAN, RANDOM.integers(18, 90, count)),
        "income": RANDOM.lognormal(10, 1, count).round(2),
        "children": RANDOM.integers(0, 4, count),
        "city": some(["Paris", "Rome", "Oslo", "Łódź"], 0),
        "job": some(["clerk", "cook", "miner"], 0.3),
        "member": RANDOM.random(count) < 0.5,
        "note": some(["x", "y"], 0.5),
    })


PEOPLE = people(60)
CLASSES = numpy.where(PEOPLE.income > 20_000, "rich", numpy.where(PEOPLE.member, "member", "none"))
ASKED = people(8)
# Cities and jobs that weren't in the training data, other columns besides, and in another order.
STRANGERS = ASKED.assign(city=texts("Bonn", NAN, "", "Rome", "rome", NAN, "Oslo", "Paris"), extra=1.0)[
    ["note", "job", "extra", "city", "member", "children", "age", "income"]]


def preparation(**options):
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    return ColumnTransformer(
        [("numbers", numbers, ["age", "income"]), ("words", words, ["city", "job"]),
         ("same", "passthrough", ["children"]), ("not", "drop", ["note"])], **options)


def model(preparation, frame=PEOPLE, target=CLASSES):
    return make_pipeline(preparation, LogisticRegression(max_iter=200)).fit(frame, target)


def cases():
    yield from columns()
    yield from pipelines()
    yield from functions()
    yield from unions()
    yield from targets()


def columns():
    yield Case("people", model(preparation()), ASKED)
    yield Case("people-strangers", model(preparation(remainder="passthrough", sparse_threshold=0)), STRANGERS)
    yield Case("people-joblib", model(preparation(remainder="passthrough")), STRANGERS, layout="joblib")
    remainder = make_pipeline(MinMaxScaler(), "passthrough")
    yield Case("people-remainder", model(preparation(remainder=remainder, verbose_feature_names_out=False)), STRANGERS)
    weights = {"numbers": 2.5, "words": -1, "same": 0.5}
    yield Case("people-weights", model(preparation(transformer_weights=weights)), STRANGERS)
    by_kind = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10), make_column_selector("city|job")),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2), ["note"]),
        remainder="passthrough")
    yield Case("people-kinds", model(by_kind), ASKED)
    yield Case("people-kinds-strangers", model(by_kind), STRANGERS)
    yield Case("people-kinds-alone", by_kind.fit(PEOPLE), STRANGERS)
    chosen = ColumnTransformer(
        [("slice", MinMaxScaler(), slice(1, 3)), ("mask", OneHotEncoder(handle_unknown="ignore"), PEOPLE.columns == "city"),
         ("names", StandardScaler(), slice("income", "children")), ("none", StandardScaler(), []),
         ("places", MaxAbsScaler(), [-2, 1])])
    yield Case("chosen", chosen.fit(PEOPLE), ASKED)
    yield Case("chosen-model", model(chosen), STRANGERS)
    text = ColumnTransformer([("impute", SimpleImputer(strategy="most_frequent"), ["job", "note", "age"]),
                              ("same", "passthrough", ["city", "income"]), ("scale", StandardScaler(), ["age"])])
    yield Case("texts", text.fit(PEOPLE), ASKED)
    inner = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), [0, 1, 3]), remainder=StandardScaler())
    yield Case("texts-behind", model(make_pipeline(
        ColumnTransformer([("impute", SimpleImputer(strategy="most_frequent"), ["job", "note"]),
                           ("same", "passthrough", ["income", "city"])]), inner)), STRANGERS)
    array = make_column_transformer(
        (StandardScaler(), [0, 3]), (MinMaxScaler(), slice(1, 2)), (MaxAbsScaler(), [True, False, False, True]),
        remainder="passthrough")
    yield Case("array", model(array, IRIS.data, IRIS.target), ROWS)
    yield Case("array-alone", array.fit(IRIS.data), ROWS)
    nested = ColumnTransformer(
        [("inner", ColumnTransformer([("city", OneHotEncoder(handle_unknown="ignore"), ["city"])], remainder=SimpleImputer()),
          ["income", "city", "age"]), ("member", "passthrough", ["member"])])
    yield Case("nested", model(nested), STRANGERS)
    if VERSION >= (1, 2):
        frames = preparation(sparse_threshold=0)
        frames.set_params(words__onehotencoder__sparse_output=False)
        frames.set_output(transform="pandas")
        yield Case("frames", model(frames), STRANGERS)


def pipelines():
    def case(name, *steps, rows=ROWS, **options):
        pipeline = Pipeline([(f"step{index}", step) for index, step in enumerate(steps)], **options)
        return Case(f"pipeline-{name}", pipeline.fit(IRIS.data, IRIS.target), rows)

    classifier = LogisticRegression(max_iter=200)
    yield case("nested", make_pipeline(StandardScaler(), make_pipeline(MinMaxScaler(), MaxAbsScaler())), classifier)
    yield case("inside", StandardScaler(), make_pipeline("passthrough", classifier))
    yield case("nothing", "passthrough", FunctionTransformer(), None, classifier)
    yield case("alone", classifier)
    yield case("scalers", StandardScaler(), MinMaxScaler())
    yield case("passed", StandardScaler(), "passthrough")
    holed = numpy.vstack([ROWS, [[NAN, 3, NAN, 1]]])
    yield case("missing", StandardScaler(), SimpleImputer(), classifier, rows=holed)
    if VERSION >= (1, 6):
        with sklearn.config_context(enable_metadata_routing=True):
            yield case("input", StandardScaler(), classifier, transform_input=["sample_weight"])
    frame = pandas.DataFrame(IRIS.data, columns=IRIS.feature_names)
    yield Case("pipeline-named", make_pipeline(StandardScaler(), classifier).fit(frame, IRIS.target),
               pandas.DataFrame(ROWS, columns=IRIS.feature_names)[IRIS.feature_names])


def functions():
    positive = numpy.array([[0.5, 1.0], [1e-300, 2.0], [1e300, 3.75], [7.0, 1e5]])
    signed = numpy.vstack([positive, -positive, [[0.0, -0.0], [0.9, -0.9], [-2.5, 0.49999999999999994], [1.5, 2.5]]])
    small = numpy.array([[0.5, 1.0], [-1.0, 0.0], [0.25, -0.75], [1e-10, -1e-300]])
    for functions, rows in {
        (numpy.log, numpy.log2, numpy.log10, numpy.sqrt, numpy.reciprocal): positive,
        (numpy.abs, numpy.fabs, numpy.sign, numpy.cbrt, numpy.arctan, numpy.tanh, numpy.arcsinh, numpy.negative,
         numpy.positive, numpy.floor, numpy.ceil, numpy.trunc, numpy.rint, numpy.degrees, numpy.deg2rad): signed,
        (numpy.exp, numpy.exp2, numpy.expm1, numpy.log1p, numpy.sin, numpy.cos, numpy.tan, numpy.arcsin, numpy.arccos,
         numpy.sinh, numpy.cosh, numpy.square, numpy.rad2deg, numpy.radians): small,
        (numpy.arccosh,): positive + 1,
        (numpy.arctanh,): small / 2,
    }.items():
        for function in functions:
            yield Case(f"function-{function.__name__}", FunctionTransformer(function).fit(rows), rows)
    yield Case("function-valid", FunctionTransformer(numpy.log1p, validate=True, kw_args={}).fit(ROWS), abs(ROWS))
    yield Case("function-none", FunctionTransformer().fit(PEOPLE), ASKED[["income", "city"]].assign(
        age=1.0, children=2, job="cook", member=True, note="x")[list(PEOPLE.columns)])
    logarithm = ColumnTransformer([("log", FunctionTransformer(numpy.log1p), ["income"]),
                                   ("words", OneHotEncoder(), ["city"])])
    yield Case("function-columns", model(logarithm), ASKED)


def unions():
    yield Case("union", make_union(StandardScaler(), MinMaxScaler(), "passthrough", "drop").fit(IRIS.data), ROWS)
    weighted = FeatureUnion(
        [("a", StandardScaler()), ("b", make_pipeline(MaxAbsScaler(), FunctionTransformer(numpy.square)))],
        transformer_weights={"a": 10, "b": 0.1})
    yield Case("union-weights", model(weighted, IRIS.data, IRIS.target), ROWS)
    frame = PEOPLE[["city", "job"]].fillna("none")
    encoders = make_union(OrdinalEncoder(), "passthrough")
    yield Case("union-texts", encoders.fit(frame), ASKED[["job", "city"]].fillna("none")[["city", "job"]])


def targets():
    features, target = IRIS.data[:, :3], IRIS.data[:, 3] + 1
    rows = ROWS[:-1, :3]

    def case(name, transformer=None, target=target, **options):
        regressor = TransformedTargetRegressor(LinearRegression(), transformer=transformer, **options)
        return Case(f"target-{name}", regressor.fit(features, target), rows)

    yield case("nothing")
    yield case("logarithm", func=numpy.log1p, inverse_func=numpy.expm1)
    yield case("root", func=numpy.sqrt, inverse_func=numpy.square)
    yield case("exponential", func=numpy.log, inverse_func=numpy.exp, target=target.reshape(-1, 1))
    yield case("two", StandardScaler(), target=IRIS.data[:, 2:])
    for scaler in StandardScaler(), MinMaxScaler(), MaxAbsScaler(), RobustScaler(), PowerTransformer(), \
            PowerTransformer("box-cox"), QuantileTransformer(n_quantiles=20), \
            QuantileTransformer(n_quantiles=20, output_distribution="normal"), \
            make_pipeline(StandardScaler(), MinMaxScaler()), FunctionTransformer(numpy.negative, numpy.negative):
        kind = type(scaler).__name__.lower()
        option = getattr(scaler, "output_distribution", getattr(scaler, "method", "plain"))
        yield case(f"{kind}-{option}", scaler)
    inside = make_pipeline(StandardScaler(), TransformedTargetRegressor(
        make_pipeline(MinMaxScaler(), LinearRegression()), func=numpy.cbrt, inverse_func=numpy.sinh, check_inverse=False))
    yield Case("target-inside", inside.fit(features, target), rows)
