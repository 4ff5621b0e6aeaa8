"""tritonclient over HTTP: the REST form of the Open Inference Protocol, with tensors as JSON and as bytes behind it."""

import http.client
import json
import pickle
import urllib.request

import numpy
import pytest
import tritonclient.http as triton
from conftest import IRIS
from sklearn.linear_model import LogisticRegression
from tensors import DTYPES, cast, meant, outputs, tensor
from tritonclient.utils import InferenceServerException

ROWS = IRIS.data[::10]
BOTH = ("predict", "predict_proba")
FORMS = pytest.mark.parametrize("is_binary", [True, False], ids=["binary", "json"])


@pytest.fixture
def client(predictor):
    with triton.InferenceServerClient(predictor.http_address, concurrency=4) as client:
        yield client


def refusal(call, *arguments, **options) -> tuple[str, str]:
    """The status and the message of a request that is refused."""
    with pytest.raises(InferenceServerException) as caught:
        call(*arguments, **options)
    return caught.value.status(), caught.value.message()


def infer(client, values=ROWS, datatype="FP64", names=BOTH, is_binary=True, answers_binary=None, **options):
    asked = outputs(triton, *names, binary_data=is_binary if answers_binary is None else answers_binary)
    return client.infer(
        "forest", [tensor(triton, values, datatype, binary_data=is_binary)], outputs=asked, **options
    )


def check(answer, forest, rows) -> None:
    """Checks that an answer is the forest's own of the rows."""
    assert answer.as_numpy("predict").tolist() == forest.predict(rows).reshape(-1, 1).tolist()
    assert (answer.as_numpy("predict_proba") == forest.predict_proba(rows)).all()


# MARK: The server and its models


def test_health_readiness_and_metadata(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("forest") and client.is_model_ready("forest", "v7")
    assert not client.is_model_ready("other") and not client.is_model_ready("forest", "v8")
    server = client.get_server_metadata()
    assert server["name"] == "sluice" and "binary_tensor_data" in server["extensions"]
    for version in ("", "v7"):
        model = client.get_model_metadata("forest", version)
        assert (model["name"], model["versions"], model["platform"]) == ("forest", ["v7"], "sklearn")
        assert model["inputs"] == [{"name": "input-0", "datatype": "FP64", "shape": [-1, 4]}]
        assert model["outputs"] == [
            {"name": "predict", "datatype": "INT64", "shape": [-1, 1]},
            {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 3]},
        ]
    status, text = refusal(client.get_model_metadata, "other")
    assert status == "404" and "'other'" in text and "'forest'" in text


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
        ("update_trace_settings", ("forest",)),
        ("get_log_settings", ()),
        ("update_log_settings", ({},)),
        ("get_system_shared_memory_status", ()),
        ("register_system_shared_memory", ("region", "/region", 32)),
        ("unregister_system_shared_memory", ("region",)),
        ("get_cuda_shared_memory_status", ()),
        ("unregister_cuda_shared_memory", ("region",)),
    ],
)
def test_what_only_triton_has_is_not_found(client, name, arguments):
    status, text = refusal(getattr(client, name), *arguments)
    # The path of all models' statistics is that of a model by the name of `stats`.
    assert status == "404" and text.startswith(("there is nothing here; try GET /v2", "there is no model 'stats'"))
    assert client.is_server_ready()


# MARK: Tensors


@FORMS
@pytest.mark.parametrize("datatype", [name for name in DTYPES if name not in ("FP16", "BF16")])
def test_every_datatype_of_numbers(client, forest, datatype, is_binary):
    check(infer(client, cast(ROWS, datatype), datatype, is_binary=is_binary), forest, meant(ROWS, datatype))


@pytest.mark.parametrize("datatype", ["FP16", "BF16"])
def test_halves(client, forest, datatype):
    """tritonclient sends them as bytes alone."""
    check(infer(client, cast(ROWS, datatype), datatype), forest, meant(ROWS, datatype))


@FORMS
def test_question_and_answer_may_have_different_forms(client, forest, is_binary):
    check(infer(client, is_binary=is_binary, answers_binary=not is_binary), forest, ROWS)


def test_each_output_may_have_its_own_form(client, forest):
    asked = [*outputs(triton, "predict", binary_data=False), *outputs(triton, "predict_proba", binary_data=True)]
    check(client.infer("forest", [tensor(triton, ROWS)], outputs=asked), forest, ROWS)


@FORMS
def test_a_tensor_for_each_column(client, forest, is_binary):
    parts = [
        tensor(triton, numpy.ascontiguousarray(ROWS[:, index]), "FP64", f"input-{index}", binary_data=is_binary)
        for index in range(4)
    ]
    check(client.infer("forest", parts, outputs=outputs(triton, *BOTH, binary_data=is_binary)), forest, ROWS)


@FORMS
def test_texts_both_ways(start_predictor, tmp_path, is_binary):
    labels = numpy.array(["rosa", "grün", "a\"b\\c\n\u2028"], dtype=object)[IRIS.target]
    model = LogisticRegression(max_iter=500).fit(IRIS.data, labels)
    (tmp_path / "texts.pkl").write_bytes(pickle.dumps(model))
    predictor = start_predictor(tmp_path / "texts.pkl", MODEL_NAME="texte ä+b", MODEL_VERSION="1+2")
    with triton.InferenceServerClient(predictor.http_address) as client:
        answer = client.infer(
            "texte ä+b", [tensor(triton, ROWS, binary_data=is_binary)], model_version="1+2",
            outputs=outputs(triton, "predict", binary_data=is_binary),
        )  # fmt: skip
    found = [one.decode() if isinstance(one, bytes) else one for one in answer.as_numpy("predict").ravel()]
    assert found == model.predict(ROWS).tolist()


@FORMS
def test_texts_for_numbers_are_refused(client, is_binary):
    values = numpy.array([["1", "2", "3", "x"]], dtype=object)
    status, text = refusal(infer, client, values, "BYTES", is_binary=is_binary)
    assert status == "400" and "text" in text.lower()


@FORMS
def test_one_row_and_many(client, forest, is_binary):
    check(infer(client, ROWS[:1], is_binary=is_binary), forest, ROWS[:1])
    many = numpy.random.default_rng(5).uniform(0, 8, (50_000, 4))
    check(infer(client, many, is_binary=is_binary), forest, many)


def test_a_body_that_is_too_large(client):
    status, text = refusal(infer, client, numpy.zeros((300_000, 4)))
    assert (status, text) == ("413", "the body has more than 8388608 bytes")
    assert client.is_server_ready()


# MARK: Outputs, versions, ids, parameters


def test_outputs_come_as_they_are_asked_for(client, forest):
    def names(*asked) -> list[str]:
        answer = client.infer("forest", [tensor(triton, ROWS)], outputs=outputs(triton, *asked) or None)
        return [output["name"] for output in answer.get_response()["outputs"]]

    assert names() == ["predict"]
    assert names("predict_proba") == ["predict_proba"]
    assert names("predict_proba", "predict") == ["predict_proba", "predict"]
    # Without outputs the client asks for bytes by a parameter of the request.
    answer = client.infer("forest", [tensor(triton, ROWS)])
    assert "data" not in answer.get_output("predict")
    assert answer.as_numpy("predict").ravel().tolist() == forest.predict(ROWS).tolist()


def test_outputs_that_are_not_there(client):
    status, text = refusal(infer, client, names=["label"])
    assert (status, text) == ("400", "there is no output 'label', only 'predict' and 'predict_proba'")
    status, text = refusal(infer, client, names=["predict", "predict"])
    assert status == "400" and "twice" in text


def test_classes_and_shared_memory_are_refused_not_ignored(client):
    shared = triton.InferRequestedOutput("predict_proba")
    shared.set_shared_memory("region", 100)
    for output in (triton.InferRequestedOutput("predict_proba", class_count=2), shared):
        status, text = refusal(client.infer, "forest", [tensor(triton, ROWS)], outputs=[output])
        assert status == "400" and "not served" in text
    given = triton.InferInput("x", [1, 4], "FP64")
    given.set_shared_memory("region", 32)
    status, text = refusal(client.infer, "forest", [given])
    assert status == "400" and "shared memory is not served" in text


def test_versions_and_ids(client):
    answer = infer(client, model_version="v7", request_id="request-17 ÿ \"\\").get_response()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("forest", "v7", "request-17 ÿ \"\\")
    assert not infer(client).get_response().get("id")
    status, text = refusal(infer, client, model_version="v8")
    assert status == "404" and "'v8'" in text and "'v7'" in text
    status, text = refusal(client.infer, "other", [tensor(triton, ROWS)])
    assert status == "404" and "'other'" in text


def test_parameters_priorities_and_sequences(client, forest):
    parameters = {"mine": "value", "flag": True, "count": 3, "share": 0.5}
    check(infer(client, parameters=parameters), forest, ROWS)
    check(infer(client, priority=3, timeout=5_000_000), forest, ROWS)
    check(infer(client, sequence_id=7, sequence_start=True, sequence_end=True), forest, ROWS)
    check(infer(client, query_params={"x": "1"}, headers={"x-mine": "1"}), forest, ROWS)
    status, text = refusal(infer, client, parameters={"content_type": "pickle"})
    assert status == "400" and "'pickle' is none of" in text


@FORMS
@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (numpy.zeros((2, 3)), "[2, 3], but the model takes [rows, 4]"),
        (numpy.zeros(4), "[4], but the model takes [rows, 4]"),
        (numpy.zeros((2, 2, 4)), "[2, 2, 4], but the model takes [rows, 4]"),
        (numpy.zeros((0, 4)), "has no rows"),
    ],
)
def test_shapes_that_the_model_does_not_take(client, values, reason, is_binary):
    status, text = refusal(infer, client, values, is_binary=is_binary)
    assert status == "400" and text.startswith("tensor 'input-0'") and reason in text


@FORMS
@pytest.mark.parametrize(
    "shape", [[-1, 4], [1 << 62, 4], [1 << 61, 8], [10**9, 4], [0, 4], [4, -4], [], [2**63 - 1] * 9]
)
def test_shapes_that_lie(client, shape, is_binary):
    lying = tensor(triton, ROWS, binary_data=is_binary)
    lying.set_shape(shape)
    status, text = refusal(client.infer, "forest", [lying])
    # JSON's numbers are doubles, so a size beyond 2^53 is none.
    assert status == "400" and text.startswith(("tensor 'input-0'", 'input 0: element 0 of "shape" is '))
    assert client.is_server_ready()


def test_numbers_that_the_model_does_not_take(client):
    values = numpy.array([[1, 2, 3, 4], [5, 6, numpy.inf, 8.0]])
    status, text = refusal(infer, client, values)
    assert (status, text) == ("400", "tensor 'input-0': row 1: feature 2 is infinity, not a finite number")


# MARK: Ways to call


@FORMS
@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compressed_requests(client, forest, algorithm, is_binary):
    many = numpy.tile(ROWS, (50, 1))
    check(infer(client, many, is_binary=is_binary, request_compression_algorithm=algorithm), forest, many)


@FORMS
@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compressed_responses(predictor, client, forest, algorithm, is_binary):
    many = numpy.tile(ROWS, (50, 1))
    check(infer(client, many, is_binary=is_binary, response_compression_algorithm=algorithm), forest, many)
    # The client takes an answer that isn't compressed, too; so that it is has to be asked otherwise.
    body = json.dumps({
        "inputs": [{"name": "x", "datatype": "FP64", "shape": [150, 4], "data": IRIS.data.tolist()}],
        "outputs": [{"name": "predict_proba"}],
    })  # fmt: skip
    connection = http.client.HTTPConnection(predictor.http_address, timeout=30)
    connection.request("POST", "/v2/models/forest/infer", body, {"Accept-Encoding": algorithm})
    response = connection.getresponse()
    response.read()
    connection.close()
    assert response.headers["Content-Encoding"] == algorithm


def test_calls_at_once(client, forest):
    """`async_infer`, four at a time, each answered by its own rows."""
    calls = [
        (rows, client.async_infer("forest", [tensor(triton, rows)], outputs=outputs(triton, *BOTH)))
        for rows in (ROWS[number % 15 :] for number in range(100))
    ]
    for rows, call in calls:
        check(call.get_result(timeout=30), forest, rows)


def test_a_call_that_fails_beside_others(client, forest):
    bad = client.async_infer("other", [tensor(triton, ROWS)])
    good = client.async_infer("forest", [tensor(triton, ROWS)], outputs=outputs(triton, *BOTH))
    check(good.get_result(timeout=30), forest, ROWS)
    assert refusal(bad.get_result, timeout=30)[0] == "404"


def test_requests_made_beforehand(predictor, forest):
    """`generate_request_body` and `parse_response_body`, for clients with an HTTP library of their own."""
    body, length = triton.InferenceServerClient.generate_request_body(
        [tensor(triton, ROWS)], outputs=outputs(triton, *BOTH)
    )
    asked = urllib.request.Request(
        f"http://{predictor.http_address}/v2/models/forest/infer", bytes(body),
        {"Inference-Header-Content-Length": str(length)},
    )  # fmt: skip
    with urllib.request.urlopen(asked, timeout=30) as response:
        length = int(response.headers["Inference-Header-Content-Length"])
        answer = triton.InferenceServerClient.parse_response_body(response.read(), header_length=length)
    check(answer, forest, ROWS)
