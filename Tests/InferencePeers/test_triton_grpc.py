"""tritonclient over gRPC: what its users call works as they know it, and what is not served is refused in words.

Every test asks the Predictor itself, and asks it through the Proxy.
"""

import base64
import pickle
import queue
import threading

import grpc
import numpy
import pandas
import pytest
import tritonclient.grpc as triton
from conftest import IRIS
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tensors import DTYPES, cast, meant, outputs, tensor
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

ROWS = IRIS.data[::10]
BOTH = ("predict", "predict_proba")


@pytest.fixture
def client(grpc_address):
    with triton.InferenceServerClient(grpc_address) as client:
        yield client


def refusal(call, *arguments, **options) -> tuple[str, str]:
    """The status and the message of a call that fails."""
    with pytest.raises(InferenceServerException) as caught:
        call(*arguments, **options)
    return caught.value.status(), caught.value.message()


def infer(client, values=ROWS, datatype="FP64", names=BOTH, **options):
    return client.infer("forest", [tensor(triton, values, datatype)], outputs=outputs(triton, *names), **options)


def check(answer, forest, rows) -> None:
    """Checks that an answer is the forest's own of the rows."""
    assert answer.as_numpy("predict").tolist() == forest.predict(rows).reshape(-1, 1).tolist()
    assert (answer.as_numpy("predict_proba") == forest.predict_proba(rows)).all()


# MARK: The server and its models


def test_health_and_readiness(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("forest") and client.is_model_ready("forest", "v7")


@pytest.mark.parametrize("arguments", [("other",), ("forest", "v8"), ("",)])
def test_a_model_that_is_not_there_is_not_ready(client, arguments):
    status, text = refusal(client.is_model_ready, *arguments)
    assert status == "StatusCode.NOT_FOUND"
    assert "'forest'" in text or "'v7'" in text


def test_metadata(client):
    server = client.get_server_metadata()
    assert server.name == "sluice" and "binary_tensor_data" in server.extensions
    model = client.get_model_metadata("forest", as_json=True)
    assert (model["name"], model["versions"], model["platform"]) == ("forest", ["v7"], "sklearn")
    assert model["inputs"] == [{"name": "input-0", "datatype": "FP64", "shape": ["-1", "4"]}]
    assert [(output["name"], output["datatype"], output["shape"]) for output in model["outputs"]] == [
        ("predict", "INT64", ["-1", "1"]), ("predict_proba", "FP64", ["-1", "3"]),
    ]  # fmt: skip
    assert refusal(client.get_model_metadata, "other")[0] == "StatusCode.NOT_FOUND"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("get_model_config", ("forest",)),
        ("get_model_repository_index", ()),
        ("load_model", ("forest",)),
        ("unload_model", ("forest",)),
        ("get_inference_statistics", ()),
        ("get_inference_statistics", ("forest",)),
        ("get_trace_settings", ()),
        ("update_trace_settings", ()),
        ("get_log_settings", ()),
        ("update_log_settings", ({},)),
        ("get_system_shared_memory_status", ()),
        ("register_system_shared_memory", ("region", "/region", 32)),
        ("unregister_system_shared_memory", ("region",)),
        ("get_cuda_shared_memory_status", ()),
        ("register_cuda_shared_memory", ("region", base64.b64encode(b"handle"), 0, 32)),
        ("unregister_cuda_shared_memory", ("region",)),
    ],
)
def test_what_only_triton_has_is_unimplemented(client, name, arguments):
    status, text = refusal(getattr(client, name), *arguments)
    assert status == "StatusCode.UNIMPLEMENTED"
    assert text.startswith("there is no method /inference.GRPCInferenceService/")
    assert client.is_server_ready()


# MARK: Tensors


@pytest.mark.parametrize("datatype", DTYPES)
def test_every_datatype_of_numbers(client, forest, datatype):
    check(infer(client, cast(ROWS, datatype), datatype), forest, meant(ROWS, datatype))


CONTENTS = {
    "BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents", "INT32": "int_contents",
    "INT64": "int64_contents", "UINT8": "uint_contents", "UINT16": "uint_contents", "UINT32": "uint_contents",
    "UINT64": "uint64_contents", "FP32": "fp32_contents", "FP64": "fp64_contents",
}  # fmt: skip


@pytest.mark.parametrize("datatype", CONTENTS)
def test_contents_that_are_not_raw_are_answered_likewise(grpc_address, forest, datatype):
    """tritonclient sends raw contents alone, and reads numbers from nothing else: its messages, filled and read by
    hand."""
    request = service_pb2.ModelInferRequest(model_name="forest")
    part = request.inputs.add(name="x", datatype=datatype, shape=ROWS.shape)
    getattr(part.contents, CONTENTS[datatype]).extend(cast(ROWS, datatype).ravel().tolist())
    for name in BOTH:
        request.outputs.add(name=name)
    with grpc.insecure_channel(grpc_address) as channel:
        response = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request)
    assert not response.raw_output_contents
    rows = meant(ROWS, datatype)
    labels, probabilities = response.outputs
    assert list(labels.contents.int64_contents) == forest.predict(rows).tolist()
    assert list(probabilities.contents.fp64_contents) == forest.predict_proba(rows).ravel().tolist()


@pytest.mark.parametrize("datatype", ["FP16", "BF16"])
def test_halves_have_no_contents_but_raw_ones(grpc_address, datatype):
    """The protocol has no field for them."""
    request = service_pb2.ModelInferRequest(model_name="forest")
    part = request.inputs.add(name="x", datatype=datatype, shape=[1, 4])
    part.contents.fp32_contents.extend([1, 2, 3, 4])
    with grpc.insecure_channel(grpc_address) as channel, pytest.raises(grpc.RpcError) as caught:
        service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "raw" in caught.value.details() and datatype in caught.value.details()


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)], ids=["rows", "rows_by_one"])
def test_a_tensor_for_each_column(client, forest, shape):
    """They may be of several datatypes. The model's features have no names, so they are taken in their order."""
    types = ["FP64", "FP32", "FP64", "FP32"]
    parts = [
        tensor(triton, cast(ROWS[:, index], datatype).reshape(shape), datatype, f"input-{index}")
        for index, datatype in enumerate(types)
    ]
    answer = client.infer("forest", parts, outputs=outputs(triton, *BOTH))
    columns = [meant(ROWS[:, index], datatype) for index, datatype in enumerate(types)]
    check(answer, forest, numpy.stack(columns, axis=1))


@pytest.fixture
def mixed(start_predictor, tmp_path):
    """A pipeline of mixed columns, whose labels are texts; and a client of its Predictor."""
    random = numpy.random.default_rng(3)
    frame = pandas.DataFrame({
        "city": random.choice(["Oslo", "Roma", "Köln"], 80).astype(object),
        "age": random.uniform(0, 90, 80).round(1),
        "owns": random.random(80) > 0.5,
    })  # fmt: skip
    columns = ColumnTransformer(
        [("city", OneHotEncoder(), ["city"]), ("age", StandardScaler(), ["age"])], remainder="passthrough"
    )
    labels = numpy.where(frame["age"] + 20 * frame["owns"] > 45, "alt", "jünger")
    model = make_pipeline(columns, LogisticRegression()).fit(frame, labels)
    (tmp_path / "mixed.pkl").write_bytes(pickle.dumps(model))
    predictor = start_predictor(tmp_path / "mixed.pkl", MODEL_NAME="mixed", MODEL_VERSION="1")
    with triton.InferenceServerClient(predictor.address) as client:
        yield model, frame, client


def mixed_inputs(frame) -> list:
    return [
        tensor(triton, frame["city"].to_numpy(object), "BYTES", "city"),
        tensor(triton, frame["age"].to_numpy(), "FP64", "age"),
        tensor(triton, frame["owns"].to_numpy(), "BOOL", "owns"),
    ]


def test_texts_both_ways(mixed):
    model, frame, client = mixed
    answer = client.infer("mixed", mixed_inputs(frame)[::-1], outputs=outputs(triton, *BOTH))
    assert answer.get_output("predict").datatype == "BYTES"
    assert [label.decode() for label in answer.as_numpy("predict").ravel()] == model.predict(frame).tolist()
    assert numpy.abs(answer.as_numpy("predict_proba") - model.predict_proba(frame)).max() < 1e-12


def test_columns_that_are_not_the_models(mixed):
    _, frame, client = mixed
    city, age, owns = mixed_inputs(frame)
    status, text = refusal(client.infer, "mixed", [city, age])
    assert status == "StatusCode.INVALID_ARGUMENT" and "owns" in text
    wrong = tensor(triton, frame["age"].astype(str).to_numpy(object), "BYTES", "age")
    status, text = refusal(client.infer, "mixed", [city, wrong, owns])
    assert status == "StatusCode.INVALID_ARGUMENT" and "age" in text
    short = tensor(triton, frame["age"].to_numpy()[:-1], "FP64", "age")
    status, text = refusal(client.infer, "mixed", [city, short, owns])
    assert status == "StatusCode.INVALID_ARGUMENT" and "'age': 79 rows, but 'city' has 80" in text
    status, text = refusal(client.infer, "mixed", [city, city, owns])
    assert status == "StatusCode.INVALID_ARGUMENT" and "several tensors 'city'" in text


def test_texts_for_numbers_are_refused(client):
    values = numpy.array([["1", "2", "3", "x"]], dtype=object)
    status, text = refusal(infer, client, values, "BYTES")
    assert status == "StatusCode.INVALID_ARGUMENT" and "text" in text.lower()


@pytest.mark.parametrize("text", [b"\xff\xfe", b"\xc3"])
def test_texts_that_are_not_utf_8(mixed, text):
    _, frame, client = mixed
    cities = frame["city"].to_numpy(object)
    cities[7] = text
    inputs = [tensor(triton, cities, "BYTES", "city"), *mixed_inputs(frame)[1:]]
    status, text = refusal(client.infer, "mixed", inputs)
    assert status == "StatusCode.INVALID_ARGUMENT"
    assert "tensor 'city': row 7" in text and "not valid UTF-8" in text


def test_one_row_and_many(client, forest):
    check(infer(client, ROWS[:1]), forest, ROWS[:1])
    many = numpy.random.default_rng(5).uniform(0, 8, (50_000, 4))
    check(infer(client, many), forest, many)


def test_a_message_that_is_too_large(client):
    status, text = refusal(infer, client, numpy.zeros((200_000, 4)))
    assert status == "StatusCode.RESOURCE_EXHAUSTED"
    assert f"allowed are at most {4 << 20}" in text
    assert client.is_server_ready()


# MARK: Outputs, versions, ids, parameters


def test_outputs_come_as_they_are_asked_for(client):
    def names(*asked) -> list[str]:
        answer = client.infer("forest", [tensor(triton, ROWS)], outputs=outputs(triton, *asked) or None)
        return [output.name for output in answer.get_response().outputs]

    assert names() == ["predict"]
    assert names("predict_proba") == ["predict_proba"]
    assert names("predict_proba", "predict") == ["predict_proba", "predict"]


def test_outputs_that_are_not_there(client):
    status, text = refusal(infer, client, names=["label"])
    assert status == "StatusCode.INVALID_ARGUMENT"
    assert text == "there is no output 'label', only 'predict' and 'predict_proba'"
    status, text = refusal(infer, client, names=["predict", "predict"])
    assert status == "StatusCode.INVALID_ARGUMENT" and "twice" in text


def test_classes_and_shared_memory_are_refused_not_ignored(client):
    for output in (
        triton.InferRequestedOutput("predict_proba", class_count=2),
        triton.InferRequestedOutput("predict_proba"),
    ):
        if not output._get_tensor().parameters:
            output.set_shared_memory("region", 100)
        status, text = refusal(client.infer, "forest", [tensor(triton, ROWS)], outputs=[output])
        assert status == "StatusCode.INVALID_ARGUMENT" and "not served" in text
    shared = triton.InferInput("x", [1, 4], "FP64")
    shared.set_shared_memory("region", 32)
    status, text = refusal(client.infer, "forest", [shared])
    assert status == "StatusCode.INVALID_ARGUMENT" and "shared memory is not served" in text


def test_versions_and_ids(client, forest):
    answer = infer(client, model_version="v7", request_id="request-17 ÿ").get_response()
    assert (answer.model_name, answer.model_version, answer.id) == ("forest", "v7", "request-17 ÿ")
    assert infer(client).get_response().id == ""
    status, text = refusal(infer, client, model_version="v8")
    assert status == "StatusCode.NOT_FOUND" and "'v8'" in text and "'v7'" in text
    status, text = refusal(client.infer, "other", [tensor(triton, ROWS)])
    assert status == "StatusCode.NOT_FOUND" and "'other'" in text and "'forest'" in text


def test_parameters_priorities_and_sequences(client, forest):
    """Parameters of one's own change nothing; those of Triton's schedulers mean nothing to a model without a state."""
    parameters = {"mine": "value", "flag": True, "count": 3, "share": 0.5}
    check(infer(client, parameters=parameters), forest, ROWS)
    check(infer(client, priority=3, timeout=5_000_000), forest, ROWS)
    check(infer(client, sequence_id=7, sequence_start=True, sequence_end=True), forest, ROWS)
    check(infer(client, parameters={"content_type": "np"}), forest, ROWS)
    status, text = refusal(infer, client, parameters={"content_type": "pickle"})
    assert status == "StatusCode.INVALID_ARGUMENT" and "'pickle' is none of" in text
    status, text = refusal(infer, client, parameters={"content_type": 3})
    assert status == "StatusCode.INVALID_ARGUMENT" and "not a string" in text


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (numpy.zeros((2, 3)), "[2, 3], but the model takes [rows, 4]"),
        (numpy.zeros((2, 5)), "[2, 5], but the model takes [rows, 4]"),
        (numpy.zeros(4), "[4], but the model takes [rows, 4]"),
        (numpy.zeros((2, 2, 4)), "[2, 2, 4], but the model takes [rows, 4]"),
        (numpy.zeros((0, 4)), "has no rows"),
        (numpy.array([[1, 2, 3, 4], [5, 6, numpy.inf, 8.0]]), "row 1: feature 2 is infinity"),
    ],
)
def test_shapes_and_numbers_that_the_model_does_not_take(client, values, reason):
    status, text = refusal(infer, client, values)
    assert status == "StatusCode.INVALID_ARGUMENT"
    assert text.startswith("tensor 'input-0'") and reason in text


@pytest.mark.parametrize(
    "shape", [[-1, 4], [1 << 62, 4], [1 << 61, 8], [10**9, 4], [0, 4], [4, -4], [], [2**63 - 1] * 9]
)
def test_shapes_that_lie(client, shape):
    """tritonclient checks shapes against the elements only when those are set, so a shape can be set afterwards."""
    lying = tensor(triton, ROWS)
    lying.set_shape(shape)
    status, text = refusal(client.infer, "forest", [lying])
    assert status == "StatusCode.INVALID_ARGUMENT" and text.startswith("tensor 'input-0'")
    assert client.is_server_ready()


def test_no_inputs_and_unknown_datatypes(client):
    status, text = refusal(client.infer, "forest", [])
    assert status == "StatusCode.INVALID_ARGUMENT" and "no inputs" in text
    strange = tensor(triton, ROWS)
    strange._input.datatype = "FP8"
    status, text = refusal(client.infer, "forest", [strange])
    assert status == "StatusCode.INVALID_ARGUMENT" and "'FP8' is none of BOOL" in text


# MARK: Ways to call


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compression(client, forest, algorithm):
    many = numpy.tile(ROWS, (200, 1))
    check(infer(client, many, compression_algorithm=algorithm), forest, many)


def test_calls_at_once(client, forest):
    """A hundred `async_infer`, each answered by its own rows."""
    answers: queue.Queue = queue.Queue()
    batches = {f"{number}": ROWS[number % 15 :] for number in range(100)}
    for name, rows in batches.items():
        client.async_infer(
            "forest", [tensor(triton, rows)], lambda result, error: answers.put((result, error)),
            outputs=outputs(triton, *BOTH), request_id=name,
        )  # fmt: skip
    for _ in range(100):
        result, error = answers.get(timeout=30)
        assert error is None
        check(result, forest, batches.pop(result.get_response().id))
    assert not batches


def test_a_call_that_fails_beside_others(client):
    answers: queue.Queue = queue.Queue()
    for name in ("forest", "other"):
        client.async_infer(name, [tensor(triton, ROWS)], lambda result, error: answers.put((result, error)))
    ends = [answers.get(timeout=30) for _ in range(2)]
    assert sorted(error.status() if error else "OK" for _, error in ends) == ["OK", "StatusCode.NOT_FOUND"]


def test_a_call_that_is_cancelled(client):
    """A batch that takes a while is cancelled; the connection's next call is served."""
    done = threading.Event()
    heavy = tensor(triton, numpy.zeros((100_000, 4)))
    context = client.async_infer("forest", [heavy], lambda result, error: done.set())
    context.cancel()
    assert done.wait(30)
    assert infer(client) is not None


def test_client_timeout(client, forest):
    """A deadline that a batch can't keep ends it with DEADLINE_EXCEEDED; one that it can changes nothing."""
    heavy = numpy.zeros((100_000, 4))
    status, _ = refusal(infer, client, heavy, client_timeout=0.002)
    assert status == "StatusCode.DEADLINE_EXCEEDED"
    check(infer(client, client_timeout=30), forest, ROWS)


class Stream:
    """A stream of tritonclient's, and what has come on it."""

    def __init__(self, client, **options):
        self._answers: queue.Queue = queue.Queue()
        self._client = client
        client.start_stream(lambda result, error: self._answers.put((result, error)), **options)

    def send(self, values=ROWS, model="forest", **options) -> None:
        self._client.async_stream_infer(model, [tensor(triton, values)], outputs=outputs(triton, *BOTH), **options)

    def next(self):
        return self._answers.get(timeout=10)


@pytest.mark.parametrize("algorithm", [None, "gzip", "deflate"])
def test_a_stream(client, forest, algorithm):
    stream = Stream(client, compression_algorithm=algorithm)
    for number in range(50):
        stream.send(ROWS[number % 15 :], request_id=f"{number}")
    for number in range(50):
        result, error = stream.next()
        assert error is None and result.get_response().id == f"{number}"
        assert result.get_response().parameters["triton_final_response"].bool_param
        check(result, forest, ROWS[number % 15 :])
    client.stop_stream()
    # The same client may begin another.
    stream = Stream(client)
    stream.send()
    check(stream.next()[0], forest, ROWS)
    client.stop_stream()


def test_errors_in_a_stream_do_not_end_it(client, forest):
    stream = Stream(client)
    stream.send(request_id="good")
    stream.send(numpy.zeros((1, 3)), request_id="wrong shape")
    stream.send(model="other", request_id="wrong model")
    stream.send(request_id="good again")
    check(stream.next()[0], forest, ROWS)
    result, error = stream.next()
    assert result is None and "but the model takes [rows, 4]" in error.message()
    result, error = stream.next()
    assert result is None and "'other'" in error.message()
    result, error = stream.next()
    assert error is None and result.get_response().id == "good again"
    client.stop_stream()


def test_a_stream_of_large_batches_keeps_its_order(client, forest):
    """Large batches are worked out elsewhere than small ones, which must not overtake them."""
    stream = Stream(client)
    sizes = [20_000, 1, 5_000, 2, 20_000, 3]
    for number, size in enumerate(sizes):
        stream.send(numpy.resize(ROWS, (size, 4)), request_id=f"{number}")
    for number, size in enumerate(sizes):
        result, error = stream.next()
        assert error is None, error.message()
        assert result.get_response().id == f"{number}"
        check(result, forest, numpy.resize(ROWS, (size, 4)))
    client.stop_stream()


def test_a_streams_deadline(client):
    stream = Stream(client, stream_timeout=0.2)
    stream.send()
    assert stream.next()[1] is None
    _, error = stream.next()
    assert error.status() == "StatusCode.DEADLINE_EXCEEDED"
    client.stop_stream()


def test_headers_are_no_obstacle(client, forest):
    check(infer(client, headers={"authorization": "Bearer x", "x-mine": "1"}), forest, ROWS)


@pytest.mark.parametrize("sizes", [[20_000], [20_000, 1], [1, 20_000], [20_000, 20_000]])
def test_a_stream_that_ends_while_its_last_batch_is_worked_out(client, forest, sizes):
    """The client has sent everything and its end when the first answer is due; it gets every answer."""
    stream = Stream(client)
    for size in sizes:
        stream.send(numpy.resize(ROWS, (size, 4)))
    # Waits for the stream's end.
    client.stop_stream()
    for size in sizes:
        result, error = stream.next()
        assert error is None, error.message()
        check(result, forest, numpy.resize(ROWS, (size, 4)))
