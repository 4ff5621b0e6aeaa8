"""The Predictor beside a running MLServer: the same requests get the same answers, output by output.

Models and requests are those of Tests/OpenInferenceTests/Fixtures/make_mlserver.py, whose recorded answers the unit tests
compare with, and more of both. Where MLServer is wrong, each test says so, and that the Predictor isn't.
"""

import json
import pickle
import urllib.error
import urllib.request

import grpc
import make_mlserver as recorded
import numpy
import pytest
from conftest import IRIS, start
from google.protobuf.json_format import MessageToDict
from mlserver.grpc import dataplane_pb2 as messages
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from mlserver_process import MLServer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

#: Folders of the Predictor are versions; MLServer is told.
VERSION = "7"
ROWS = recorded.ROWS
BOTH = [{"name": "predict"}, {"name": "predict_proba"}]


def trained() -> dict[str, object]:
    """Models by name: the recorded ones, and one of each of the larger families."""
    names = numpy.array(["setosa", "versicolor", "virginica"])
    return {
        **recorded.train(),
        "forest": RandomForestClassifier(25, random_state=1).fit(IRIS.data, names[IRIS.target]),
        "boosted": GradientBoostingClassifier(n_estimators=15, random_state=1).fit(IRIS.data, IRIS.target),
        "svc": SVC().fit(IRIS.data, IRIS.target),
        "network": make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=3_000, random_state=1)).fit(
            IRIS.data, IRIS.target
        ),
        "histogram": HistGradientBoostingRegressor(max_iter=15).fit(IRIS.data, IRIS.data @ [1.0, 2.0, 3.0, 4.0]),
        "neighbours": KNeighborsRegressor(3).fit(IRIS.data, IRIS.data[:, :2]),
    }


@pytest.fixture(scope="session")
def models():
    return trained()


@pytest.fixture(scope="session")
def mlserver(models, tmp_path_factory):
    running = MLServer(tmp_path_factory.mktemp("mlserver"), models, VERSION, recorded.free_ports(3))
    yield running
    running.process.stop()


@pytest.fixture(scope="session")
def sluice(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sluice")
    for name, model in models.items():
        place = folder / name / VERSION
        place.mkdir(parents=True)
        (place / "model.pkl").write_bytes(pickle.dumps(model))
    running = start(folder)
    yield running
    assert running.process.stop() == 0, running.process.tail()


@pytest.fixture(scope="session")
def stubs(mlserver, sluice):
    """The stubs of both, MLServer's own: of MLServer and of the Predictor."""
    with grpc.insecure_channel(mlserver.grpc_address) as theirs, grpc.insecure_channel(sluice.address) as ours:
        yield GRPCInferenceServiceStub(theirs), GRPCInferenceServiceStub(ours)


def requests() -> list[tuple[str, dict]]:
    """Models and requests in the REST form."""
    whole = {"inputs": [recorded.tensor("x", IRIS.data[::6])]}
    single = {"inputs": [recorded.tensor("x", IRIS.data[::6], "FP32")]}
    found = list(recorded.requests())
    for name in ("forest", "boosted", "network"):
        found += [(name, {**whole, "outputs": BOTH}), (name, {**single, "outputs": BOTH, "id": "of FP32"})]
    for name in ("svc", "histogram", "neighbours"):
        found += [(name, whole), (name, single)]
    return found


REQUESTS = requests()
IDS = [f"{index}-{name}" for index, (name, _) in enumerate(REQUESTS)]


def tolerance(request: dict) -> float:
    """By how much numbers may differ, relatively: scikit-learn computes in float32 what comes as FP32."""
    return 1e-6 if any(part["datatype"] in ("FP32", "FP16") for part in request["inputs"]) else 1e-12


def assert_same_numbers(ours: list, theirs: list, allowed: float) -> None:
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        if isinstance(other, float):
            assert abs(one - other) <= allowed * max(1, abs(other)), (one, other)
        else:
            assert one == other and type(one) is type(other)


def flat(data: list) -> list:
    return numpy.asarray(data, dtype=object).ravel().tolist()


# MARK: The same


def ask(port, model: str, request: dict) -> tuple[int, dict]:
    """The status and the answer over HTTP, without the id that MLServer makes up for those who give none."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/v2/models/{model}/infer", json.dumps(request).encode(),
        {"Content-Type": "application/json"},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(asked, timeout=30) as response:
            answer = json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
            # MLServer's 500 is plain text.
            return error.code, json.loads(body) if body.startswith(b"{") else {"error": body.decode()}
    if not request.get("id"):
        answer.pop("id", None)
    return 200, answer


def http_ports(mlserver, sluice) -> tuple:
    return mlserver.http_port, sluice.http_address.rsplit(":", 1)[1]


@pytest.mark.parametrize(("model", "request_"), REQUESTS, ids=IDS)
def test_rest(mlserver, sluice, model, request_):
    (status, theirs), (our_status, ours) = (ask(port, model, request_) for port in http_ports(mlserver, sluice))
    assert status == our_status == 200, (theirs, ours)
    for part in ("model_name", "model_version", "id"):
        assert ours.get(part) == theirs.get(part)
    assert len(ours["outputs"]) == len(theirs["outputs"])
    for mine, other in zip(ours["outputs"], theirs["outputs"], strict=True):
        for part in ("name", "datatype", "shape"):
            assert mine[part] == other[part]
        assert mine["parameters"] == {k: v for k, v in other["parameters"].items() if v is not None}
        assert_same_numbers(flat(mine["data"]), flat(other["data"]), tolerance(request_))


#: With raw contents, and with typed ones, which FP16 has none of.
MESSAGES = [
    pytest.param(model, request, is_raw, id=f"{id}-{'raw' if is_raw else 'typed'}")
    for id, (model, request) in zip(IDS, REQUESTS, strict=True)
    for is_raw in (False, True)
    if is_raw or all(part["datatype"] != "FP16" for part in request["inputs"])
]


@pytest.mark.parametrize(("model", "request_", "is_raw"), MESSAGES)
def test_grpc(stubs, mlserver, model, request_, is_raw):
    asked = recorded.message(model, request_, is_raw)
    ours = stubs[1].ModelInfer(asked)
    assert (ours.model_name, ours.model_version, ours.id) == (model, VERSION, request_.get("id") or "")
    assert len(ours.raw_output_contents) == (len(ours.outputs) if is_raw else 0)
    values = [elements(ours, index) for index in range(len(ours.outputs))]
    try:
        theirs = stubs[0].ModelInfer(asked)
    except grpc.RpcError as error:
        # MLServer can't write texts into typed contents, though it can over HTTP, which then tells what is right.
        assert error.code() == grpc.StatusCode.INTERNAL and error.details() == "expected bytes, str found"
        assert "BYTES" in {output.datatype for output in ours.outputs} and not is_raw
        _, theirs = ask(mlserver.http_port, model, request_)
        assert len(theirs["outputs"]) == len(ours.outputs)
        for mine, value, other in zip(ours.outputs, values, theirs["outputs"], strict=True):
            assert (mine.name, mine.datatype, mine.shape) == (other["name"], other["datatype"], other["shape"])
            expected = [one.encode() if isinstance(one, str) else one for one in flat(other["data"])]
            assert_same_numbers(value, expected, tolerance(request_))
        return
    assert (theirs.model_name, theirs.model_version) == (model, VERSION) and len(theirs.outputs) == len(ours.outputs)
    assert not ours.id or ours.id == theirs.id
    assert len(theirs.raw_output_contents) == len(ours.raw_output_contents)
    for index, (mine, other) in enumerate(zip(ours.outputs, theirs.outputs, strict=True)):
        assert (mine.name, mine.datatype, mine.shape) == (other.name, other.datatype, other.shape)
        assert MessageToDict(mine).get("parameters") == MessageToDict(other).get("parameters")
        assert_same_numbers(values[index], elements(theirs, index), tolerance(request_))


def elements(answer, index: int) -> list:
    """The elements of an output."""
    output = answer.outputs[index]
    if answer.raw_output_contents:
        return read(output.datatype, answer.raw_output_contents[index])
    return list(getattr(output.contents, next(iter(recorded.contents(output.datatype, [])))))


def read(datatype: str, raw: bytes) -> list:
    """The elements of raw contents."""
    if datatype != "BYTES":
        return numpy.frombuffer(raw, recorded.DTYPES[datatype]).tolist()
    texts, at = [], 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 4], "little")
        texts.append(raw[at + 4 : at + 4 + size])
        at += 4 + size
    return texts


def test_health_and_readiness(stubs):
    for stub in stubs:
        assert stub.ServerLive(messages.ServerLiveRequest()).live
        assert stub.ServerReady(messages.ServerReadyRequest()).ready
        for version in ("", VERSION):
            assert stub.ModelReady(messages.ModelReadyRequest(name="forest", version=version)).ready


def test_a_model_that_is_not_there(stubs):
    request = recorded.message("other", {"inputs": [recorded.tensor("x", ROWS)]}, False)
    for stub in stubs:
        assert failure(stub.ModelInfer, request)[0] == grpc.StatusCode.NOT_FOUND


# MARK: Where MLServer is wrong


def failure(call, request) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call(request)
    return caught.value.code(), caught.value.details()


def both_failures(stubs, model: str, request: dict, is_raw: bool = False):
    asked = recorded.message(model, request, is_raw)
    return [failure(stub.ModelInfer, asked) for stub in stubs]


MISTAKES = {
    "too few columns": ("integers", {"inputs": [recorded.tensor("x", ROWS[:, :3])]}),
    "too many columns": ("integers", {"inputs": [recorded.tensor("x", numpy.hstack([ROWS, ROWS]))]}),
    "not a number": ("integers", {"inputs": [recorded.tensor("x", numpy.full((1, 4), numpy.nan))]}),
    "a column is missing": (
        "mixed", {"inputs": recorded.frame_tensors(False)[:2], "parameters": {"content_type": "pd"}},
    ),
    "texts for numbers": (
        "integers", {"inputs": [recorded.tensor("x", numpy.array([["a", "b", "c", "d"]], object), "BYTES", "str")]},
    ),
    "fewer elements than the shape says": (
        "integers", {"inputs": [{"name": "x", "datatype": "FP64", "shape": [2, 4], "data": [1.0, 2.0, 3.0, 4.0]}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("model", "request_"), MISTAKES.values(), ids=MISTAKES)
def test_callers_mistakes_are_the_servers_to_mlserver(stubs, model, request_):
    """MLServer says INTERNAL or UNKNOWN, for which a deployment's guard would blame the model."""
    (theirs, _), (ours, text) = both_failures(stubs, model, request_)
    assert theirs in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
    assert ours == grpc.StatusCode.INVALID_ARGUMENT and text


def test_probabilities_of_a_model_that_has_none(stubs):
    request = {"inputs": [recorded.tensor("x", IRIS.data[:3])], "outputs": [{"name": "predict_proba"}]}
    for model in ("svc", "number"):
        (theirs, _), (ours, text) = both_failures(stubs, model, request)
        assert theirs in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.INVALID_ARGUMENT)
        assert (ours, text) == (
            grpc.StatusCode.INVALID_ARGUMENT, "the model has no output 'predict_proba': it knows no probabilities",
        )  # fmt: skip


def test_negative_shapes_are_taken_by_mlserver(stubs):
    """numpy works a negative size out itself."""
    request = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [-1, 4], "data": ROWS.ravel().tolist()}]}
    asked = recorded.message("integers", request, False)
    theirs, ours = stubs
    assert theirs.ModelInfer(asked).outputs
    code, text = failure(ours.ModelInfer, asked)
    assert code == grpc.StatusCode.INVALID_ARGUMENT and "[-1, 4]" in text


def test_metadata_is_empty_in_mlserver(stubs, models):
    for name in models:
        asked = messages.ModelMetadataRequest(name=name)
        theirs, ours = (stub.ModelMetadata(asked) for stub in stubs)
        assert not theirs.inputs and not theirs.outputs
        assert ours.name == name and list(ours.versions) == [VERSION]
        assert ours.inputs and ours.outputs[0].name == "predict"


def test_readiness_of_a_model_that_is_not_there_is_unknown_to_mlserver(stubs):
    theirs, ours = (failure(stub.ModelReady, messages.ModelReadyRequest(name="other"))[0] for stub in stubs)
    assert theirs == grpc.StatusCode.UNKNOWN
    assert ours == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(("model", "request_"), MISTAKES.values(), ids=MISTAKES)
def test_statuses_of_rest(mlserver, sluice, model, request_):
    """Over HTTP too, MLServer takes its callers' mistakes for its own, except for NaN, which is no JSON."""
    (theirs, _), (ours, answer) = (ask(port, model, request_) for port in http_ports(mlserver, sluice))
    assert theirs == (422 if "NaN" in json.dumps(request_) else 500)
    assert ours == 400 and answer["error"]
