"""The Predictor answers as the real scikit-learn does, within 1e-12, on the whole data set."""

import hashlib
import json
import pickle
import sys

import joblib
import numpy
import pandas
import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from harness import predictor as predictors
from harness import process as processes

TOLERANCE = 1e-12
IRIS = load_iris()
WINE = load_wine()
NAMES = IRIS.target_names[IRIS.target]


@pytest.fixture
def start_predictor(start_process):
    def start(model, **settings):
        return predictors.Predictor(
            start_process([predictors.BINARY], name="predictor", env=predictors.environment(model, **settings))
        )

    return start


def assert_equal(answer: dict, model, rows: numpy.ndarray) -> None:
    """Compares an answer of POST /predict with scikit-learn's."""
    assert answer["classes"] == model.classes_.tolist()
    assert answer["predictions"] == model.predict(rows).tolist()
    difference = numpy.abs(numpy.array(answer["probabilities"]) - model.predict_proba(rows))
    assert difference.max() <= TOLERANCE


@pytest.mark.parametrize("version", ["v1.0.0", "v1.1.0", "forest-1.0.0"])
class TestShippedModels:
    def test_http(self, start_predictor, version):
        model = pickle.loads(predictors.model(version).read_bytes())
        predictor = start_predictor(predictors.model(version), MODEL_VERSION=version)
        assert_equal(predictor.predict(IRIS.data.tolist()), model, IRIS.data)

    def test_grpc(self, start_predictor, open_channel, version):
        model = pickle.loads(predictors.model(version).read_bytes())
        predictor = start_predictor(predictors.model(version), MODEL_VERSION=version)
        messages, services = predictors.stubs()
        stub = services.PredictionServiceStub(open_channel(predictor.address))
        answers = list(stub.PredictStream(messages.PredictRequest(features=row) for row in IRIS.data))
        assert [answer.label for answer in answers] == model.predict(IRIS.data).tolist()
        ours = numpy.array([[entry.probability for entry in answer.probabilities] for answer in answers])
        assert numpy.abs(ours - model.predict_proba(IRIS.data)).max() <= TOLERANCE

    def test_manifest_tells_the_truth(self, version):
        path = predictors.model(version)
        manifest = json.loads((path.parent / "model.json").read_text())
        model = pickle.loads(path.read_bytes())
        assert manifest["version"] == version
        assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert manifest["classes"] == model.classes_.tolist()
        assert manifest["feature_names"] == IRIS.feature_names
        parameters = model.get_params()
        assert {name: parameters[name] for name in manifest["parameters"]} == manifest["parameters"]


class TestShippedPipeline:
    """The one over mixed columns, asked for a tensor for each column."""

    VERSION = "mixed-1.0.0"

    @staticmethod
    def rows() -> pandas.DataFrame:
        """Numbers and words in each combination, each column's values missing once in five rows or less."""
        numbers = numpy.array([[age, income] for age in (18.0, 35.5, 79.0) for income in (1000.0, 32000.0, 4e6)] * 12)
        numbers[::5, 0] = numpy.nan
        words = [[region, plan] for plan in ("basic", "plus", "pro") for region in ("north", "east", "south", "west")]
        region, plan = numpy.array([words[index % 12] for index in range(108)], dtype=object).T
        region[::7] = numpy.nan
        columns = {"age": numbers[:, 0], "income": numbers[:, 1], "region": region, "plan": plan}
        return pandas.DataFrame({name: pandas.Series(values, dtype=values.dtype) for name, values in columns.items()})

    def test_answers(self, start_predictor):
        path = predictors.model(self.VERSION)
        model, rows = pickle.loads(path.read_bytes()), self.rows()
        inputs = [
            {
                "name": name, "shape": [len(rows), 1], "datatype": "BYTES" if rows[name].dtype == object else "FP64",
                "data": [None if pandas.isna(value) else value for value in rows[name]],
            }
            for name in reversed(rows.columns)
        ]  # fmt: skip
        outputs = [{"name": "predict"}, {"name": "predict_proba"}]
        predictor = start_predictor(path, MODEL_VERSION=self.VERSION)
        body = json.dumps({"inputs": inputs, "outputs": outputs})
        status, _, response = predictor.request("POST", "/v2/models/model/infer", body)
        assert status == 200, response
        labels, probabilities = (output["data"] for output in response["outputs"])
        assert labels == model.predict(rows).tolist() and set(labels) == {"leaves", "stays"}
        difference = numpy.abs(numpy.array(probabilities).reshape(-1, 2) - model.predict_proba(rows))
        assert difference.max() <= TOLERANCE

    def test_manifest_tells_the_truth(self):
        path = predictors.model(self.VERSION)
        manifest = json.loads((path.parent / "model.json").read_text())
        model = pickle.loads(path.read_bytes())
        assert manifest["version"] == self.VERSION
        assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert manifest["classes"] == model.classes_.tolist()
        assert manifest["feature_names"] == model.feature_names_in_.tolist()


def test_training_makes_the_shipped_models_again(tmp_path):
    result = processes.run(
        [sys.executable, processes.ROOT / "scripts" / "train_models.py", "--output", tmp_path], timeout=120
    )
    assert result.returncode == 0, result.stderr
    # A solver stops anywhere within its tolerance (1e-4 and 1e-8), depending on the processor's arithmetic.
    mixed = TestShippedPipeline.rows()
    for version, rows, accuracy, bound in (
        ("v1.0.0", IRIS.data, 1.0, 1e-3), ("v1.1.0", IRIS.data, 1.0, 1e-6), ("forest-1.0.0", IRIS.data, 1.0, 1e-12),
        ("mixed-1.0.0", mixed, 0.8083333333333333, 1e-3),
    ):  # fmt: skip
        again = pickle.loads((tmp_path / version / "model.pkl").read_bytes())
        shipped = pickle.loads(predictors.model(version).read_bytes())
        difference = numpy.abs(again.predict_proba(rows) - shipped.predict_proba(rows))
        assert difference.max() <= bound, version
        for folder in (tmp_path / version, predictors.model(version).parent):
            assert json.loads((folder / "model.json").read_text())["accuracy"] == accuracy
    shipped = {path.parent.name for path in (processes.ROOT / "models").glob("*/model.pkl")}
    assert {path.name for path in tmp_path.iterdir()} == shipped


def logistic(**parameters) -> LogisticRegression:
    return LogisticRegression(max_iter=5000, **parameters)


MODELS = {
    "multinomial with names": lambda: (logistic().fit(IRIS.data, NAMES), IRIS.data),
    "multinomial with integers": lambda: (logistic().fit(IRIS.data, IRIS.target), IRIS.data),
    "multinomial with floats": lambda: (logistic().fit(IRIS.data, IRIS.target.astype(float)), IRIS.data),
    "multinomial with objects": lambda: (logistic().fit(IRIS.data, NAMES.astype(object)), IRIS.data),
    "multinomial without intercept": lambda: (logistic(fit_intercept=False).fit(IRIS.data, NAMES), IRIS.data),
    "multinomial by saga": lambda: (
        logistic(solver="saga", C=0.1, random_state=7, class_weight="balanced").fit(IRIS.data, NAMES), IRIS.data,
    ),
    "binary with integers": lambda: (logistic().fit(IRIS.data, IRIS.target == 2), IRIS.data),
    "binary with names": lambda: (logistic().fit(IRIS.data[:100], NAMES[:100]), IRIS.data),
    "binary by liblinear": lambda: (
        logistic(solver="liblinear", l1_ratio=1.0).fit(IRIS.data, IRIS.target > 0), IRIS.data,
    ),
    "single precision": lambda: (logistic().fit(IRIS.data.astype(numpy.float32), IRIS.target), IRIS.data),
    "standard scaler": lambda: (make_pipeline(StandardScaler(), logistic()).fit(WINE.data, WINE.target), WINE.data),
    "standard scaler, mean only": lambda: (
        make_pipeline(StandardScaler(with_std=False), logistic()).fit(IRIS.data, NAMES), IRIS.data,
    ),
    "standard scaler, deviation only": lambda: (
        make_pipeline(StandardScaler(with_mean=False), logistic()).fit(IRIS.data, NAMES), IRIS.data,
    ),
    "standard scaler, neither": lambda: (
        make_pipeline(StandardScaler(with_mean=False, with_std=False), logistic()).fit(IRIS.data, NAMES), IRIS.data,
    ),
    "min-max scaler": lambda: (make_pipeline(MinMaxScaler(), logistic()).fit(WINE.data, WINE.target), WINE.data),
    "min-max scaler, clipping": lambda: (
        # Rows far outside of the range that the scaler was fitted to.
        make_pipeline(MinMaxScaler((-2, 3), clip=True), logistic()).fit(IRIS.data, NAMES), IRIS.data * 3 - 4,
    ),
    "two scalers": lambda: (
        Pipeline([("a", StandardScaler()), ("b", MinMaxScaler()), ("c", "passthrough"), ("d", logistic())])
        .fit(WINE.data, WINE.target), WINE.data,
    ),
    "pipeline in a pipeline": lambda: (
        make_pipeline(make_pipeline(StandardScaler()), make_pipeline(MinMaxScaler(), logistic()))
        .fit(IRIS.data, NAMES), IRIS.data,
    ),
}

LAYOUTS = {
    **{f"pickle {protocol}": lambda model, path, protocol=protocol: path.write_bytes(pickle.dumps(model, protocol))
       for protocol in (2, 3, 4, 5)},
    **{f"joblib {protocol}": lambda model, path, protocol=protocol: joblib.dump(model, path, 0, protocol)
       for protocol in (2, 4, 5)},
}


@pytest.mark.parametrize("name", MODELS)
def test_estimators(start_predictor, tmp_path, name):
    """Every supported estimator, in every protocol and layout."""
    model, rows = MODELS[name]()
    for layout, write in LAYOUTS.items():
        path = tmp_path / f"{layout.replace(' ', '')}.pkl"
        write(model, path)
        predictor = start_predictor(path, MODEL_VERSION=layout)
        answer = predictor.predict(rows.tolist())
        assert answer["model_version"] == layout
        assert_equal(answer, model, rows)
        predictor.process.kill()
