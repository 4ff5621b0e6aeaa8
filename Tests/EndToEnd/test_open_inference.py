"""The Open Inference Protocol, over gRPC and HTTP, against the running Predictor; and its gRPC server itself."""

import http.client
import json
import pickle
import struct

import grpc
import numpy
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from harness import predictor as predictors
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

IRIS = load_iris()


@pytest.fixture
def start_predictor(start_process):
    """Starts a Predictor for this test."""

    def start(model=predictors.model("v1.0.0"), **settings):
        return predictors.Predictor(
            start_process([predictors.BINARY], name="predictor", env=predictors.environment(model, **settings))
        )

    return start


@pytest.fixture
def forest(tmp_path):
    model = RandomForestClassifier(20, random_state=1).fit(IRIS.data, IRIS.target)
    (tmp_path / "forest.pkl").write_bytes(pickle.dumps(model))
    return model, tmp_path / "forest.pkl"


def inference():
    return predictors.stubs("inference")


def raw_request(rows, model="model", outputs=(), **more):
    """A request with one raw tensor of FP64."""
    messages, _ = inference()
    rows = numpy.asarray(rows, dtype="<f8")
    request = messages.ModelInferRequest(model_name=model, raw_input_contents=[rows.tobytes()], **more)
    request.inputs.add(name="input", datatype="FP64", shape=rows.shape)
    for name in outputs:
        request.outputs.add(name=name)
    return request


def stub_of(predictor, open_channel, **options):
    _, services = inference()
    return services.GRPCInferenceServiceStub(open_channel(predictor.address, **options))


def failure(call, *arguments):
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments)
    return caught.value.code(), caught.value.details()


def test_rows_in_raw_contents(start_predictor, open_channel, forest):
    model, path = forest
    stub = stub_of(start_predictor(path, MODEL_VERSION="v7"), open_channel)
    answer = stub.ModelInfer(raw_request(IRIS.data, outputs=["predict", "predict_proba"], id="mine"))
    assert (answer.model_name, answer.model_version, answer.id) == ("model", "v7", "mine")
    assert [(output.name, output.datatype, list(output.shape)) for output in answer.outputs] == [
        ("predict", "INT64", [150, 1]), ("predict_proba", "FP64", [150, 3]),
    ]  # fmt: skip
    labels, probabilities = answer.raw_output_contents
    assert numpy.frombuffer(labels, "<i8").tolist() == model.predict(IRIS.data).tolist()
    assert (numpy.frombuffer(probabilities, "<f8").reshape(150, 3) == model.predict_proba(IRIS.data)).all()


def test_typed_contents_are_answered_by_typed_ones(start_predictor, open_channel):
    messages, _ = inference()
    stub = stub_of(start_predictor(), open_channel)
    request = messages.ModelInferRequest(model_name="model")
    contents = request.inputs.add(name="input", datatype="FP64", shape=[1, 4]).contents
    contents.fp64_contents.extend([5.1, 3.5, 1.4, 0.2])
    answer = stub.ModelInfer(request)
    assert answer.outputs[0].contents.bytes_contents == [b"setosa"]
    assert not answer.raw_output_contents


def test_a_regressor(start_predictor, open_channel, tmp_path):
    model = LinearRegression().fit(IRIS.data[:, :3], IRIS.data[:, 3])
    (tmp_path / "line.pkl").write_bytes(pickle.dumps(model))
    predictor = start_predictor(tmp_path / "line.pkl", MODEL_VERSION="v1")
    answer = stub_of(predictor, open_channel).ModelInfer(raw_request(IRIS.data[:, :3]))
    found = numpy.frombuffer(answer.raw_output_contents[0], "<f8")
    assert numpy.abs(found - model.predict(IRIS.data[:, :3])).max() < 1e-12


def test_callers_mistakes_name_row_and_column(start_predictor, open_channel):
    stub = stub_of(start_predictor(), open_channel)
    code, text = failure(stub.ModelInfer, raw_request([[1, 2, 3, 4], [1, float("nan"), 3, 4]]))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert text == "tensor 'input': row 1: feature 1 is NaN, not a finite number"
    code, text = failure(stub.ModelInfer, raw_request([[1, 2, 3]]))
    assert code == grpc.StatusCode.INVALID_ARGUMENT and "[1, 3], but the model takes [rows, 4]" in text
    assert failure(stub.ModelInfer, raw_request([[1, 2, 3, 4]], outputs=["x"]))[0] == grpc.StatusCode.INVALID_ARGUMENT
    code, text = failure(stub.ModelInfer, raw_request([[1, 2, 3, 4]], model="other"))
    assert code == grpc.StatusCode.NOT_FOUND and "other" in text


def test_several_models_and_versions(start_predictor, open_channel, tmp_path):
    messages, _ = inference()
    for name, version, classes in (("a", "1", 2), ("a", "12", 3), ("b", "3", 3)):
        folder = tmp_path / "models" / name / version
        folder.mkdir(parents=True)
        which = IRIS.target < classes
        model = RandomForestClassifier(2, random_state=1).fit(IRIS.data[which], IRIS.target[which])
        (folder / "model.pkl").write_bytes(pickle.dumps(model))
    stub = stub_of(start_predictor(tmp_path / "models"), open_channel)
    answer = stub.ModelInfer(raw_request([[1, 2, 3, 4]], model="a", outputs=["predict_proba"]))
    assert (answer.model_version, list(answer.outputs[0].shape)) == ("12", [1, 3])
    answer = stub.ModelInfer(raw_request([[1, 2, 3, 4]], "a", ["predict_proba"], model_version="1"))
    assert list(answer.outputs[0].shape) == [1, 2]
    assert stub.ModelReady(messages.ModelReadyRequest(name="b")).ready
    assert failure(stub.ModelReady, messages.ModelReadyRequest(name="c"))[0] == grpc.StatusCode.NOT_FOUND
    assert list(stub.ModelMetadata(messages.ModelMetadataRequest(name="a")).versions) == ["1", "12"]


def test_a_stream_answers_each_request_and_names_the_wrong_one(start_predictor, open_channel):
    stub = stub_of(start_predictor(), open_channel)
    requests = [raw_request([[5.1, 3.5, 1.4, 0.2]], id="1"), raw_request([[1]], id="2"), raw_request([[1] * 4], id="3")]
    answers = list(stub.ModelStreamInfer(iter(requests)))
    assert [answer.infer_response.id for answer in answers] == ["1", "2", "3"]
    assert [bool(answer.error_message) for answer in answers] == [False, True, False]


def test_rest_with_and_without_binary_data(start_predictor):
    predictor = start_predictor()
    status, _, answer = predictor.request(
        "POST", "/v2/models/model/infer",
        json.dumps({"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 4], "data": [5.1, 3.5, 1.4, 0.2]}]}),
    )  # fmt: skip
    assert status == 200 and answer["outputs"][0]["data"] == ["setosa"]
    head = json.dumps({
        "inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 4], "parameters": {"binary_data_size": 32}}],
        "outputs": [{"name": "predict_proba", "parameters": {"binary_data": True}}],
    }).encode()  # fmt: skip
    connection = http.client.HTTPConnection(predictor.http_address, timeout=30)
    fields = {"Inference-Header-Content-Length": str(len(head))}
    connection.request("POST", "/v2/models/model/infer", head + struct.pack("<4d", 5.1, 3.5, 1.4, 0.2), fields)
    response = connection.getresponse()
    content = response.read()
    length = int(response.headers["Inference-Header-Content-Length"])
    assert json.loads(content[:length])["outputs"][0]["shape"] == [1, 3]
    assert abs(sum(struct.unpack("<3d", content[length:])) - 1) < 1e-12
    connection.close()


def test_metrics_count_calls(start_predictor, open_channel):
    predictor = start_predictor()
    stub = stub_of(predictor, open_channel)
    for _ in range(3):
        stub.ModelInfer(raw_request([[1, 2, 3, 4]]))
    failure(stub.ModelInfer, raw_request([[1]]))
    connection = http.client.HTTPConnection(predictor.http_address, timeout=30)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    method = 'method="inference.GRPCInferenceService/ModelInfer"'
    assert f'predictor_grpc_calls_total{{{method},code="OK"}} 3' in text
    assert f'predictor_grpc_calls_total{{{method},code="INVALID_ARGUMENT"}} 1' in text
    connection.close()


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_messages_both_ways(start_predictor, compression):
    predictor = start_predictor()
    with grpc.insecure_channel(predictor.address, compression=compression) as channel:
        _, services = inference()
        answer = services.GRPCInferenceServiceStub(channel).ModelInfer(raw_request(IRIS.data))
    assert list(answer.outputs[0].shape) == [150, 1]


def test_large_messages(start_predictor, open_channel):
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    predictor = start_predictor(MAX_MESSAGE_SIZE=str(64 << 20), WORKERS="2")
    with grpc.insecure_channel(predictor.address, options=options) as channel:
        _, services = inference()
        stub = services.GRPCInferenceServiceStub(channel)
        rows = numpy.tile(IRIS.data, (14_000, 1))
        answer = stub.ModelInfer(raw_request(rows[: (60 << 20) // 32]))
        assert answer.outputs[0].shape[0] == (60 << 20) // 32
        code, text = failure(stub.ModelInfer, raw_request(numpy.zeros(((64 << 20) // 32 + 1, 4))))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED and f"at most {64 << 20}" in text


def test_a_thousand_streams_on_one_connection(start_predictor, open_channel):
    channel = open_channel(start_predictor().address)
    watches = [health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()) for _ in range(1000)]
    for watch in watches:
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    assert health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest()).status == 1
    for watch in watches:
        watch.cancel()
