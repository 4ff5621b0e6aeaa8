"""Models of every family answer as scikit-learn does, over the Open Inference Protocol, whatever they are asked.

One Predictor serves all of them. The rows are random and deterministic: as the training data, far from it, and of the
most extreme kind that a family takes; one at a time and ten thousand at once.
"""

import pickle

import grpc
import numpy
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    NearestCentroid,
    RadiusNeighborsClassifier,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, SVR, LinearSVC, NuSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from harness import predictor as predictors

RANDOM = numpy.random.RandomState(2026)
WIDTH = 5
DATA = RANDOM.normal(size=(200, WIDTH))
SCORE = DATA[:, 0] + DATA[:, 1] * DATA[:, 2] + 0.2 * RANDOM.normal(size=200)
THREE = numpy.digitize(SCORE, [-0.7, 0.7])
WORDS = numpy.array(["ash", "élan", "yew"])[THREE]
TWO = SCORE > 0
COUNTS = numpy.exp(SCORE).round()
MISSING = numpy.where(RANDOM.uniform(size=DATA.shape) < 0.1, numpy.nan, DATA)


# What is fitted is small, and needs not be good.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")


def small(kind, **options):
    return kind(n_estimators=8, max_depth=4, random_state=0, **options)


# Of each model the estimator, its target, the tolerance as a share of a row's largest magnitude, and whether it takes
# missing values.
CLOSE, SVM, EXACT = 1e-12, 1e-9, 0
MODELS = {
    "logistic": (LogisticRegression(), WORDS, CLOSE),
    "logistic-two": (LogisticRegression(), TWO, CLOSE),
    "ridge-classifier": (RidgeClassifier(), WORDS, CLOSE),
    "sgd": (SGDClassifier(loss="modified_huber", random_state=0), THREE, CLOSE),
    "linear-svc": (LinearSVC(random_state=0), WORDS, CLOSE),
    "lda": (LinearDiscriminantAnalysis(), WORDS, CLOSE),
    "qda": (QuadraticDiscriminantAnalysis(), WORDS, 1e-10),
    "linear": (LinearRegression(), SCORE, CLOSE),
    "linear-targets": (LinearRegression(), numpy.c_[SCORE, -SCORE], CLOSE),
    "elastic": (ElasticNet(0.1), SCORE, CLOSE),
    "bayesian": (BayesianRidge(), SCORE, CLOSE),
    "poisson": (PoissonRegressor(), COUNTS, CLOSE),
    "svc": (SVC(), WORDS, SVM),
    "svc-poly": (SVC(kernel="poly"), TWO, SVM),
    "nu": (NuSVC(nu=0.3, kernel="sigmoid"), THREE, SVM),
    "svr": (SVR(), SCORE, SVM),
    "neighbors": (KNeighborsClassifier(), WORDS, CLOSE),
    "neighbors-distance": (KNeighborsRegressor(3, weights="distance"), SCORE, 1e-8),
    "centroid": (NearestCentroid(), WORDS, 1e-8),
    "bayes": (GaussianNB(), WORDS, 1e-10),
    "bernoulli": (BernoulliNB(), WORDS, CLOSE),
    "mlp": (MLPClassifier((8,), max_iter=60, random_state=0), WORDS, CLOSE),
    "mlp-numbers": (MLPRegressor(hidden_layer_sizes=(8, 4), max_iter=60, random_state=0), SCORE, CLOSE),
    "tree": (DecisionTreeClassifier(random_state=0), WORDS, EXACT),
    "tree-numbers": (DecisionTreeRegressor(random_state=0), SCORE, EXACT),
    "forest": (small(RandomForestClassifier), WORDS, EXACT),
    "forest-numbers": (small(RandomForestRegressor), SCORE, EXACT),
    "extra": (small(ExtraTreesClassifier), TWO, EXACT),
    "boosting": (small(GradientBoostingClassifier), WORDS, CLOSE),
    "boosting-numbers": (small(GradientBoostingRegressor), SCORE, EXACT),
    "histogram": (HistGradientBoostingClassifier(max_iter=8), WORDS, CLOSE),
    "histogram-numbers": (HistGradientBoostingRegressor(max_iter=8), SCORE, EXACT),
    "adaptive": (AdaBoostClassifier(n_estimators=6, random_state=0), WORDS, CLOSE),
    "adaptive-numbers": (AdaBoostRegressor(n_estimators=6, random_state=0), SCORE, EXACT),
    "isolation": (IsolationForest(n_estimators=8, random_state=0), None, EXACT),
    "bagging": (BaggingClassifier(LogisticRegression(), n_estimators=3, random_state=0), WORDS, CLOSE),
    "voting": (VotingClassifier([("a", SVC()), ("b", GaussianNB()), ("c", LinearSVC())]), WORDS, CLOSE),
    "stacking": (
        StackingClassifier([("a", make_pipeline(StandardScaler(), LinearSVC())), ("b", GaussianNB())], cv=2),
        WORDS,
        1e-10,
    ),
    "calibrated": (CalibratedClassifierCV(make_pipeline(StandardScaler(), LinearSVC()), cv=2), WORDS, CLOSE),
    "calibrated-isotonic": (CalibratedClassifierCV(SVC(), cv=2, method="isotonic"), TWO, SVM),
    "calibrated-temperature": (CalibratedClassifierCV(LogisticRegression(), cv=2, method="temperature"), WORDS, CLOSE),
    "rest": (OneVsRestClassifier(SVC()), WORDS, SVM),
    "one": (OneVsOneClassifier(LogisticRegression()), WORDS, CLOSE),
    "grid": (GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2), WORDS, CLOSE),
    "outputs": (MultiOutputRegressor(small(RandomForestRegressor)), numpy.c_[SCORE, -SCORE], EXACT),
    "scaled": (make_pipeline(RobustScaler(), PolynomialFeatures(2), LogisticRegression(max_iter=500)), WORDS, 1e-10),
    "power": (make_pipeline(PowerTransformer(), MinMaxScaler(), LogisticRegression()), WORDS, 1e-9),
    "quantile": (make_pipeline(QuantileTransformer(n_quantiles=20), LinearRegression()), SCORE, CLOSE),
    "bins": (make_pipeline(KBinsDiscretizer(4, encode="ordinal"), GaussianNB()), WORDS, 1e-10),
    "components": (make_pipeline(StandardScaler(), PCA(3), LogisticRegression()), WORDS, 1e-11),
    "singular": (make_pipeline(Normalizer(), TruncatedSVD(2, random_state=0), LinearRegression()), SCORE, 1e-11),
    "chosen": (make_pipeline(SelectKBest(k=2), DecisionTreeClassifier(random_state=0)), WORDS, EXACT),
    "target": (TransformedTargetRegressor(LinearRegression(), transformer=StandardScaler()), SCORE, CLOSE),
}
TAKE_MISSING = {
    "imputed": (make_pipeline(SimpleImputer(add_indicator=True), LogisticRegression()), WORDS, CLOSE),
    "tree-missing": (DecisionTreeClassifier(random_state=0), WORDS, EXACT),
    "forest-missing": (small(RandomForestClassifier), WORDS, EXACT),
    "histogram-missing": (HistGradientBoostingClassifier(max_iter=8), WORDS, CLOSE),
}


def rows(missing: bool) -> numpy.ndarray:
    """10,000 rows: near the training data, on it, farther away, on a grid where many ties are, and extreme."""
    near = RANDOM.normal(size=(4000, WIDTH))
    far = RANDOM.normal(size=(2000, WIDTH)) * 10.0 ** RANDOM.randint(-6, 4, size=(2000, 1))
    grid = RANDOM.randint(-2, 3, size=(3780, WIDTH)).astype(float)
    tiny = RANDOM.choice([0.0, -0.0, 5e-324, 1e-300, -1e-45, 1.0], size=(20, WIDTH))
    every = numpy.vstack([near, far, grid, tiny, DATA])
    if missing:
        every[RANDOM.uniform(size=every.shape) < 0.1] = numpy.nan
        every[0] = numpy.nan
    assert every.shape == (10_000, WIDTH)
    return every


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """All models, fitted, in a folder as the Predictor takes it."""
    folder = tmp_path_factory.mktemp("models")
    fitted = {}
    for known, data in ((MODELS, DATA), (TAKE_MISSING, MISSING)):
        for name, (estimator, target, _) in known.items():
            estimator.fit(data, target)
            path = folder / name / "1" / "model.pkl"
            path.parent.mkdir(parents=True)
            path.write_bytes(pickle.dumps(estimator))
            fitted[name] = estimator
    return folder, fitted


def infer(stub, messages, name: str, asked: numpy.ndarray, outputs: list[str]) -> dict[str, numpy.ndarray]:
    """The outputs of ModelInfer with raw FP64."""
    request = messages.ModelInferRequest(model_name=name, raw_input_contents=[asked.astype("<f8").tobytes()])
    request.inputs.add(name="x", datatype="FP64", shape=asked.shape)
    for output in outputs:
        request.outputs.add(name=output)
    answer = stub.ModelInfer(request)
    return {
        tensor.name: decode(tensor.datatype, content).reshape(tensor.shape)
        for tensor, content in zip(answer.outputs, answer.raw_output_contents, strict=True)
    }


def decode(datatype: str, content: bytes) -> numpy.ndarray:
    if datatype != "BYTES":
        return numpy.frombuffer(content, {"FP64": "<f8", "INT64": "<i8", "BOOL": "?"}[datatype])
    texts = []
    while content:
        length = int.from_bytes(content[:4], "little")
        texts.append(content[4 : 4 + length].decode())
        content = content[4 + length :]
    return numpy.array(texts)


def assert_close(found: numpy.ndarray, expected: numpy.ndarray, tolerance: float, asked: numpy.ndarray) -> None:
    expected = expected.reshape(len(expected), -1)
    assert found.shape == expected.shape
    # Numbers near 0 are what is left of terms that cancel.
    magnitude = numpy.maximum(numpy.abs(expected).max(axis=1, keepdims=True), 1)
    wrong = numpy.flatnonzero(~(numpy.abs(found - expected) <= tolerance * magnitude).all(axis=1))
    assert not wrong.size, f"{wrong.size} rows, as {asked[wrong[0]]}: {found[wrong[0]]}, not {expected[wrong[0]]}"


def assert_labels(found: numpy.ndarray, model, asked: numpy.ndarray, decided: numpy.ndarray) -> None:
    """The same labels, but for rows in which the best two classes are equal within rounding."""
    expected = model.predict(asked)
    different = numpy.flatnonzero((found.ravel() != expected) & decided)
    assert not different.size, f"{different.size} rows, as {asked[different[0]]}"


def decided(model, asked: numpy.ndarray, tolerance: float) -> numpy.ndarray:
    """Whether the library's own numbers tell the best class from the next by more than rounding."""
    if tolerance == EXACT:
        return numpy.full(len(asked), True)
    if hasattr(model, "predict_proba"):
        scores = model.predict_proba(asked)
    elif hasattr(model, "decision_function"):
        scores = model.decision_function(asked)
    else:
        return numpy.full(len(asked), True)
    if scores.ndim == 1:
        return numpy.abs(scores) > 1e-9
    ordered = numpy.sort(scores, axis=1)
    return ordered[:, -1] - ordered[:, -2] > 1e-9


def flaw(stub, messages, name: str, model, tolerance: float, asked: numpy.ndarray) -> str | None:
    """What is wrong with the answers for these rows."""
    outputs = ["predict", *(["predict_proba"] if hasattr(model, "predict_proba") else [])]
    try:
        answer = infer(stub, messages, name, asked, outputs)
    except grpc.RpcError as error:
        return f"{name}, {len(asked)} rows: {error.code()}: {error.details()}"
    try:
        if "predict_proba" in answer:
            assert_close(answer["predict_proba"], model.predict_proba(asked), tolerance, asked)
        if hasattr(model, "classes_") or hasattr(model, "offset_"):
            assert_labels(answer["predict"], model, asked, decided(model, asked, tolerance))
        else:
            assert_close(answer["predict"], model.predict(asked), tolerance, asked)
    except AssertionError as error:
        return f"{name}, {len(asked)} rows: {error}"
    return None


def test_every_family_answers_as_the_library(models, start_process):
    folder, fitted = models
    process = start_process([predictors.BINARY], name="predictor", env=predictors.environment(folder))
    predictor = predictors.Predictor(process)
    messages, services = predictors.stubs("inference")
    flaws = []
    with grpc.insecure_channel(predictor.address) as channel:
        stub = services.GRPCInferenceServiceStub(channel)
        for known, asked in ((MODELS, rows(missing=False)), (TAKE_MISSING, rows(missing=True))):
            for name, (_, _, tolerance) in known.items():
                # What is too large for the library's own arithmetic is refused, and asked for elsewhere.
                finite = asked
                if not hasattr(fitted[name], "classes_"):
                    finite = asked[numpy.isfinite(fitted[name].predict(asked).reshape(len(asked), -1)).all(axis=1)]
                # All at once, and some alone.
                for part in (finite, *(asked[index : index + 1] for index in (0, 5_000, 9_000, 9_790, 9_999))):
                    if found := flaw(stub, messages, name, fitted[name], tolerance, part):
                        flaws.append(found)
    assert not flaws, "\n".join(flaws)


def test_a_model_is_served_that_has_no_training_data_near_zero(start_process, tmp_path):
    """The warm-up asks about zeros, near which this model finds nothing; it is sound all the same."""
    model = RadiusNeighborsClassifier(1.0).fit(DATA + 100, WORDS)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    environment = predictors.environment(tmp_path / "model.pkl", MODEL_VERSION="1")
    predictor = predictors.Predictor(start_process([predictors.BINARY], name="predictor", env=environment))
    assert predictor.predict((DATA + 100).tolist())["predictions"] == model.predict(DATA + 100).tolist()
    status, _, answer = predictor.request("POST", "/predict", '{"instances": [[0, 0, 0, 0, 0]]}')
    assert status == 400 and "near" in answer["error"], answer
