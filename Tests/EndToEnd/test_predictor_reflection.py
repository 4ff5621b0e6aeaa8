"""Server reflection of the Predictor: what stock clients, and the Proxy, learn of its services from nothing else."""

import re
import subprocess
import sys
from collections.abc import Iterable

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from harness import predictor as predictors
from harness.process import ROOT
from harness.shadow import Shadowed, call
from test_reflection import ask as ask_as_the_proxy_does

Request = reflection_pb2.ServerReflectionRequest
NAMES = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]
PROTOS = sorted(path.relative_to(ROOT / "protos").as_posix() for path in (ROOT / "protos").rglob("*.proto"))
INFER = "inference.GRPCInferenceService"


@pytest.fixture
def start_predictor(start_process):
    """Starts a Predictor for this test."""

    def start(model=predictors.model("v1.0.0"), **settings):
        return predictors.Predictor(
            start_process([predictors.BINARY], name="predictor", env=predictors.environment(model, **settings))
        )

    return start


@pytest.fixture
def channel(start_predictor, open_channel) -> grpc.Channel:
    return open_channel(start_predictor().address)


def info(channel: grpc.Channel, name: str = NAMES[0]) -> grpc.StreamStreamMultiCallable:
    """The call of reflection by one of its names; the messages of both are the same."""
    return channel.stream_stream(
        f"/{name}/ServerReflectionInfo", Request.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )  # fmt: skip


def ask(channel: grpc.Channel, *requests: Request, name: str = NAMES[0]):
    """Asks in one call; returns an answer for each."""
    answers = list(info(channel, name)(iter(requests), timeout=30))
    assert len(answers) == len(requests)
    return answers


def compiled(names: Iterable[str], folder) -> bytes:
    """The FileDescriptorSet that grpcio-tools' protoc makes of some of the repository's files."""
    path = folder / "set.binpb"
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={ROOT / 'protos'}", "--include_imports",
         f"--descriptor_set_out={path}", *names], check=True,
    )  # fmt: skip
    return path.read_bytes()


# What there is


@pytest.mark.parametrize("name", NAMES)
def test_lists_all_services(channel, name):
    (answer,) = ask(channel, Request(host="here", list_services="*"), name=name)
    assert [service.name for service in answer.list_services_response.service] == sorted(predictors.SERVICES)
    assert answer.valid_host == "here" and answer.original_request == Request(host="here", list_services="*")


def test_every_method_that_it_tells_of_is_there(channel):
    """A call of each with an empty message is answered by the method, whatever it says."""
    database = ProtoReflectionDescriptorDatabase(channel)
    pool = descriptor_pool.DescriptorPool(database)
    asked = 0
    for service in database.get_services():
        for method in pool.FindServiceByName(service).methods:
            one = channel.stream_stream(f"/{service}/{method.name}")(iter([b""]), timeout=30)
            try:
                next(one, None)
                one.cancel()
            except grpc.RpcError as error:
                assert error.code() != grpc.StatusCode.UNIMPLEMENTED, (method.full_name, error.details())
            asked += 1
    assert asked == 16


@pytest.mark.parametrize("file", PROTOS)
def test_files_are_those_of_the_repository(channel, tmp_path, file):
    (answer,) = ask(channel, Request(file_by_filename=file))
    found = answer.file_descriptor_response.file_descriptor_proto
    expected = descriptor_pb2.FileDescriptorSet.FromString(compiled([file], tmp_path)).file
    assert [one.SerializeToString() for one in expected] == list(found)


@pytest.mark.parametrize(
    ("module", "files"),
    [
        ("HealthAPI", ["grpc/health/v1/health.proto"]),
        ("PredictionAPI", ["prediction.proto", "inference.proto"]),
        ("Reflection", ["grpc/reflection/v1/reflection.proto", "grpc/reflection/v1alpha/reflection.proto"]),
    ],
)
def test_the_committed_descriptors_are_those_of_the_files(tmp_path, module, files):
    (committed,) = (ROOT / "Sources" / module / "Generated").glob("*Descriptors.swift")
    written = subprocess.run(
        [ROOT / "scripts" / "embed_descriptors.py", committed.stem], input=compiled(files, tmp_path),
        capture_output=True, check=True,
    )  # fmt: skip
    assert written.stdout == committed.read_bytes(), "run scripts/generate_protos.sh"
    text = (ROOT / "scripts" / "generate_protos.sh").read_text()
    assert re.search(rf"^descriptors Sources/{module} {committed.stem} ", text, re.MULTILINE)


# Calls from what is told


def test_a_client_that_knows_nothing_can_infer(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    pool = descriptor_pool.DescriptorPool(database)
    assert set(database.get_services()) == set(predictors.SERVICES)
    method = pool.FindServiceByName(INFER).FindMethodByName("ModelInfer")
    request = message_factory.GetMessageClass(method.input_type)(model_name="model", id="7")
    contents = request.inputs.add(name="rows", datatype="FP64", shape=[2, 4]).contents
    contents.fp64_contents.extend([5.1, 3.5, 1.4, 0.2, 6.7, 3.0, 5.2, 2.3])
    answered = message_factory.GetMessageClass(method.output_type)
    infer = channel.unary_unary(f"/{INFER}/ModelInfer", type(request).SerializeToString, answered.FromString)
    answer = infer(request, timeout=30)
    assert (answer.id, answer.model_version) == ("7", "v1.0.0")
    assert list(answer.outputs[0].contents.bytes_contents) == [b"setosa", b"virginica"]


def test_a_client_that_knows_nothing_can_predict(channel):
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    method = pool.FindServiceByName(predictors.SERVICE).FindMethodByName("Predict")
    request = message_factory.GetMessageClass(method.input_type)(features=[5.1, 3.5, 1.4, 0.2])
    answered = message_factory.GetMessageClass(method.output_type)
    predict = channel.unary_unary(
        f"/{predictors.SERVICE}/Predict", type(request).SerializeToString, answered.FromString
    )
    assert predict(request, timeout=30).label == "setosa"


# Questions


SYMBOLS = {
    "prediction.v1.PredictionService": "prediction.proto",
    "prediction.v1.PredictionService.Predict": "prediction.proto",
    "prediction.v1.PredictRequest": "prediction.proto",
    "prediction.v1.PredictRequest.features": "prediction.proto",
    "inference.ModelInferRequest.InferInputTensor": "inference.proto",
    "inference.InferParameter.parameter_choice": "inference.proto",
    "grpc.health.v1.HealthCheckResponse.ServingStatus": "grpc/health/v1/health.proto",
    "grpc.health.v1.HealthCheckResponse.SERVING": "grpc/health/v1/health.proto",
    NAMES[0]: "grpc/reflection/v1/reflection.proto",
    NAMES[1]: "grpc/reflection/v1alpha/reflection.proto",
}


@pytest.mark.parametrize("name", NAMES)
def test_finds_files_by_what_they_declare(channel, name):
    answers = ask(channel, *(Request(file_containing_symbol=symbol) for symbol in SYMBOLS), name=name)
    for (symbol, file), answer in zip(SYMBOLS.items(), answers, strict=True):
        (content,) = answer.file_descriptor_response.file_descriptor_proto
        assert descriptor_pb2.FileDescriptorProto.FromString(content).name == file, symbol


def extension(message: str, number: int) -> Request:
    wanted = reflection_pb2.ExtensionRequest(containing_type=message, extension_number=number)
    return Request(file_containing_extension=wanted)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_unknown_is_not_found_and_the_call_goes_on(channel, name):
    unknown = [
        Request(file_by_filename="no.proto"), Request(file_by_filename=""),
        Request(file_containing_symbol="no.Symbol"), Request(file_containing_symbol=".prediction.v1.PredictRequest"),
        Request(file_containing_symbol="prediction.v1"), Request(file_containing_symbol="ж" * 100),
        extension("prediction.v1.PredictRequest", 1), extension("no.Type", 1), extension("", -1),
        Request(all_extension_numbers_of_type="no.Type"),
        Request(all_extension_numbers_of_type="grpc.health.v1.Health"),
    ]  # fmt: skip
    *answers, last = ask(channel, *unknown, Request(list_services=""), name=name)
    for request, answer in zip(unknown, answers, strict=True):
        assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0], request
        assert answer.error_response.error_message and answer.original_request == request
    assert len(last.list_services_response.service) == len(predictors.SERVICES)


def test_a_message_without_extensions_has_none(channel):
    name = "prediction.v1.PredictRequest"
    (answer,) = ask(channel, Request(all_extension_numbers_of_type=name))
    numbers = answer.all_extension_numbers_response
    assert answer.HasField("all_extension_numbers_response")
    assert (numbers.base_type_name, list(numbers.extension_number)) == (name, [])


def test_a_question_for_nothing_is_invalid_and_the_call_goes_on(channel):
    # The second one asks by a field that no version has.
    nothing = [Request(host="x"), Request.FromString(b"\x7a\x01x")]
    *answers, last = ask(channel, *nothing, Request(list_services=""))
    for answer in answers:
        assert answer.error_response.error_code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert last.HasField("list_services_response")


@pytest.mark.parametrize("content", [b"\xff", b"\x22\x05abc", b"\x22\x02\xff\xfe", b"\x1a\xff\xff\xff\xff\x0f"])
def test_bytes_that_are_no_question_end_the_call(channel, content):
    raw = channel.stream_stream(f"/{NAMES[0]}/ServerReflectionInfo")
    with pytest.raises(grpc.RpcError) as caught:
        list(raw(iter([content]), timeout=30))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "ServerReflectionRequest" in caught.value.details()


def test_no_question_no_answer(channel):
    assert ask(channel) == []


def test_many_questions_before_the_first_answer_is_read(channel):
    """Some 20 MB of answers, for which the server waits rather than to hold them."""
    questions = [Request(host=str(number), file_by_filename="inference.proto") for number in range(3000)]
    one = info(channel)(iter(questions), timeout=60)
    answers = list(one)
    assert [answer.valid_host for answer in answers] == [question.host for question in questions]
    assert len({answer.file_descriptor_response.file_descriptor_proto[0] for answer in answers}) == 1
    assert one.code() == grpc.StatusCode.OK


# The Proxy


@pytest.mark.parametrize("method", [f"/{predictors.SERVICE}/Predict", f"/{INFER}/ModelInfer"])
def test_the_proxy_learns_the_types_of_answers(start_predictor, method):
    ask_as_the_proxy_does(start_predictor().address, methods=method)


def test_answers_of_two_predictors_are_compared_by_name(start_predictor, start_proxy):
    blue, green = (start_predictor(predictors.model(version)) for version in ("v1.0.0", "v1.1.0"))
    proxy = start_proxy(
        blue=blue.address, green=green.address, health_check="none", shadow_methods="*", descriptors="reflection"
    )
    shadowed = Shadowed(proxy)
    shadowed.begin()
    messages, _ = predictors.stubs()
    request = messages.PredictRequest(features=[5.1, 3.5, 1.4, 0.2]).SerializeToString()
    call(proxy.address, 5, request, f"/{predictors.SERVICE}/Predict")
    found = shadowed.wait_copies(5)
    assert (found["types"], found["compared"], found["untyped"], found["agreeing"]) == ("reflection", 5, 0, 0)
    assert "model_version" in {path["path"] for path in found["paths"]}
