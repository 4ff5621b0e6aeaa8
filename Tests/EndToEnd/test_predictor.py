"""The Predictor as its clients see it: stock grpcio and plain HTTP."""

import gzip
import hashlib
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sklearn.decomposition import NMF
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from harness import predictor as predictors
from harness import process as processes
from harness.process import ManagedProcess, eventually

SETOSA = [5.1, 3.5, 1.4, 0.2]
VIRGINICA = [6.7, 3.0, 5.2, 2.3]
CLASSES = ["setosa", "versicolor", "virginica"]


@pytest.fixture(scope="module")
def predictor():
    """A Predictor shared by tests that don't change it."""
    process = ManagedProcess(
        [predictors.BINARY], name="predictor", env=predictors.environment(predictors.model("v1.0.0"))
    )
    try:
        yield predictors.Predictor(process)
    finally:
        process.kill()


@pytest.fixture
def start_predictor(start_process):
    """Starts a Predictor for this test."""

    def start(model=predictors.model("v1.0.0"), **settings):
        return predictors.Predictor(
            start_process([predictors.BINARY], name="predictor", env=predictors.environment(model, **settings))
        )

    return start


@pytest.fixture
def stub(predictor, open_channel):
    _, services = predictors.stubs()
    return services.PredictionServiceStub(open_channel(predictor.address))


def predict_request(features, request_id=""):
    messages, _ = predictors.stubs()
    return messages.PredictRequest(features=features, request_id=request_id)


def health(channel) -> health_pb2_grpc.HealthStub:
    return health_pb2_grpc.HealthStub(channel)


def run_predictor(*arguments, timeout=20, **settings) -> subprocess.CompletedProcess:
    """Runs a Predictor that is expected to end by itself."""
    environment = {"HOST": "127.0.0.1", "PORT": "0", "HTTP_PORT": "0", **settings}
    return processes.run([predictors.BINARY, *arguments], timeout=timeout, env=environment)


def error_line(result: subprocess.CompletedProcess) -> str:
    """The single line on standard error."""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("Error: ")
    return lines[0]


class TestGRPC:
    def test_predicts(self, stub):
        answer = stub.Predict(predict_request(SETOSA, "first"))
        assert answer.label == "setosa"
        assert [entry.label for entry in answer.probabilities] == CLASSES
        assert sum(entry.probability for entry in answer.probabilities) == pytest.approx(1, abs=1e-12)
        assert answer.probabilities[0].probability == max(entry.probability for entry in answer.probabilities)
        assert answer.model_version == "v1.0.0"
        assert answer.request_id == "first"

    @pytest.mark.parametrize(
        ("features", "reason"),
        [
            ([], "row 0: 0 features, but the model takes 4"),
            ([1.0], "row 0: 1 feature, but the model takes 4"),
            ([1.0] * 5, "row 0: 5 features, but the model takes 4"),
            ([1.0, float("nan"), 3.0, 4.0], "row 0: feature 1 is NaN, not a finite number"),
            ([1.0, 2.0, 3.0, float("inf")], "row 0: feature 3 is infinity, not a finite number"),
            ([float("-inf"), 2.0, 3.0, 4.0], "row 0: feature 0 is -infinity, not a finite number"),
            ([1e308, 1e308, -1e308, 1e308], "row 0: the features are too large: the model's arithmetic overflows"),
        ],
    )
    def test_refuses_bad_features(self, stub, features, reason):
        with pytest.raises(grpc.RpcError) as failure:
            stub.Predict(predict_request(features))
        assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert failure.value.details() == reason

    def test_refuses_a_message_that_is_too_large(self, stub):
        with pytest.raises(grpc.RpcError) as failure:
            stub.Predict(predict_request([1.0] * (2 << 20)))
        # The transport may reset the stream instead of giving the reason.
        assert failure.value.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.CANCELLED)
        assert stub.Predict(predict_request(SETOSA)).label == "setosa"

    def test_reads_a_large_invalid_message(self, stub):
        with pytest.raises(grpc.RpcError) as failure:
            stub.Predict(predict_request([1.0] * (1 << 18)))
        assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert failure.value.details() == f"row 0: {1 << 18} features, but the model takes 4"

    def test_refuses_bytes_that_are_no_message(self, predictor, open_channel):
        call = open_channel(predictor.address).unary_unary(f"/{predictors.SERVICE}/Predict")
        with pytest.raises(grpc.RpcError) as failure:
            call(b"\xff\xff\xff\xff")
        assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT

    def test_names_a_method_that_is_not_there(self, predictor, open_channel):
        call = open_channel(predictor.address).unary_unary(f"/{predictors.SERVICE}/Explain")
        with pytest.raises(grpc.RpcError) as failure:
            call(b"")
        assert failure.value.code() == grpc.StatusCode.UNIMPLEMENTED

    def test_takes_compressed_messages(self, stub):
        answer = stub.Predict(predict_request(VIRGINICA), compression=grpc.Compression.Gzip)
        assert answer.label == "virginica"

    def test_streams_in_order(self, stub):
        rows = [SETOSA if index % 3 else VIRGINICA for index in range(2000)]
        answers = list(stub.PredictStream(predict_request(row, str(index)) for index, row in enumerate(rows)))
        assert [answer.request_id for answer in answers] == [str(index) for index in range(2000)]
        assert [answer.label for answer in answers] == ["setosa" if index % 3 else "virginica" for index in range(2000)]
        assert {answer.model_version for answer in answers} == {"v1.0.0"}

    def test_stream_answers_each_row_before_the_next(self, stub):
        go_on = threading.Semaphore(0)

        def rows():
            for index in range(3):
                go_on.acquire()
                yield predict_request(SETOSA, str(index))

        answers = stub.PredictStream(rows(), timeout=20)
        for index in range(3):
            go_on.release()
            assert next(answers).request_id == str(index)
        assert list(answers) == []

    def test_stream_without_rows(self, stub):
        assert list(stub.PredictStream(iter([]))) == []

    def test_stream_ends_at_the_first_bad_row(self, stub):
        rows = [SETOSA, SETOSA, [1.0, 2.0], SETOSA]
        answers = stub.PredictStream(predict_request(row, str(index)) for index, row in enumerate(rows))
        received = []
        with pytest.raises(grpc.RpcError) as failure:
            for answer in answers:
                received.append(answer.request_id)
        assert received == ["0", "1"]
        assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert failure.value.details() == "row 2: 2 features, but the model takes 4"

    def test_many_callers_at_once(self, predictor, open_channel):
        _, services = predictors.stubs()
        stubs = [services.PredictionServiceStub(open_channel(predictor.address)) for _ in range(4)]
        futures = [
            stubs[index % 4].Predict.future(predict_request(SETOSA if index % 2 else VIRGINICA, str(index)))
            for index in range(1000)
        ]
        for index, future in enumerate(futures):
            answer = future.result(timeout=30)
            assert (answer.request_id, answer.label) == (str(index), "setosa" if index % 2 else "virginica")


class TestHealth:
    def test_own_method(self, stub):
        messages, _ = predictors.stubs()
        answer = stub.Health(messages.HealthRequest())
        assert answer.status == messages.HealthResponse.STATUS_SERVING
        assert answer.model_version == "v1.0.0"

    @pytest.mark.parametrize("service", ["", predictors.SERVICE])
    def test_check(self, predictor, open_channel, service):
        answer = health(open_channel(predictor.address)).Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING

    def test_check_of_an_unknown_service(self, predictor, open_channel):
        with pytest.raises(grpc.RpcError) as failure:
            health(open_channel(predictor.address)).Check(health_pb2.HealthCheckRequest(service="other.Service"))
        assert failure.value.code() == grpc.StatusCode.NOT_FOUND

    def test_list(self, predictor, open_channel):
        answer = health(open_channel(predictor.address)).List(health_pb2.HealthListRequest())
        assert {name: entry.status for name, entry in answer.statuses.items()} == dict.fromkeys(
            ["", *predictors.SERVICES], health_pb2.HealthCheckResponse.SERVING
        )

    def test_watch_of_an_unknown_service_stays_open(self, predictor, open_channel):
        answers = health(open_channel(predictor.address)).Watch(
            health_pb2.HealthCheckRequest(service="other.Service"), timeout=1
        )
        assert next(answers).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        with pytest.raises(grpc.RpcError) as failure:
            next(answers)
        assert failure.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED

    def test_watch_sees_the_end(self, start_predictor, open_channel):
        predictor = start_predictor()
        channel = open_channel(predictor.address)
        watches = [
            health(channel).Watch(health_pb2.HealthCheckRequest(service=service), timeout=20)
            for service in ("", predictors.SERVICE)
        ]
        for watch in watches:
            assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        predictor.process.signal(signal.SIGTERM)
        for watch in watches:
            assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
            with pytest.raises(grpc.RpcError) as failure:
                next(watch)
            assert failure.value.code() == grpc.StatusCode.UNAVAILABLE
        assert predictor.process.wait(5) == 0

    def test_http(self, predictor):
        status, headers, answer = predictor.request("GET", "/health")
        assert status == 200
        assert headers["Content-Type"] == "application/json"
        digest = hashlib.sha256(predictors.model("v1.0.0").read_bytes()).hexdigest()
        assert answer == {
            "status": "ok", "model_version": "v1.0.0", "model_sha256": digest, "features": 4, "classes": CLASSES,
        }
        assert predictor.request("HEAD", "/health")[0] == 200


class TestHTTP:
    def test_predicts(self, predictor):
        answer = predictor.predict([SETOSA, VIRGINICA])
        assert answer["predictions"] == ["setosa", "virginica"]
        assert answer["classes"] == CLASSES
        assert answer["model_version"] == "v1.0.0"
        assert [len(row) for row in answer["probabilities"]] == [3, 3]

    def test_agrees_with_grpc(self, predictor, stub):
        by_http = predictor.predict([SETOSA])["probabilities"][0]
        assert by_http == [entry.probability for entry in stub.Predict(predict_request(SETOSA)).probabilities]

    def test_takes_integers_exponents_and_other_members(self, predictor):
        body = '\n{"signature_name": "x", "instances" :[ [5, 3.5e0, 14e-1, 2E-1] ], "more": {"a": [true, null, "]"]}}\t'
        status, _, answer = predictor.request("POST", "/predict", body)
        assert (status, answer["predictions"]) == (200, ["setosa"])

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ('{"instances": [[5.1,3.5,1.4,0.2],[1,NaN,3,4]]}', "row 1: feature 1 is NaN, not a finite number"),
            ('{"instances": [[1,2,Infinity,4]]}', "row 0: feature 2 is infinity, not a finite number"),
            ('{"instances": [[1,2,3,-Infinity]]}', "row 0: feature 3 is -infinity, not a finite number"),
            ('{"instances": [[1,2,3,1e999]]}', "row 0: feature 3 is infinity, not a finite number"),
            ('{"instances": [[1,2,3,4],[1,2,3]]}', "row 1: 3 features, but the model takes 4"),
            ('{"instances": [[1,2,3,4,5]]}', "row 0: 5 features, but the model takes 4"),
            ('{"instances": [[]]}', "row 0: 0 features, but the model takes 4"),
            ('{"instances": [[1,2,3,"4"]]}', "row 0: feature 3 is a string, not a number"),
            ('{"instances": [[1,2,null,4]]}', "row 0: feature 2 is null, not a number"),
            ('{"instances": [[1,true,3,4]]}', "row 0: feature 1 is a boolean, not a number"),
            ('{"instances": [[[1],2,3,4]]}', "row 0: feature 0 is an array, not a number"),
            ('{"instances": [[1,2,3,4],{"a":1}]}', "row 1: it is an object, but the model knows no names of features: give an array in their order"),
            ('{"instances": [1,2,3,4]}', "row 0: it is a number, not an array of numbers"),
            ('{"instances": [[1e308,1e308,-1e308,1e308]]}', "row 0: the features are too large"),
            ('{"instances": []}', '"instances" has no rows'),
            ('{"instances": 5}', '"instances" is a number, not an array of rows'),
            ('{"inputs": []}', '"instances" is missing'),
            ('{"instances": [[1,2,3,4]], "instances": []}', '"instances" is there twice'),
            ("[[1,2,3,4]]", 'the body is an array, not an object with "instances"'),
            ("", "the body is not valid JSON: byte 0: a value is missing at the end"),
            ('{"instances": [[1,2,3,4],]}', "the body is not valid JSON: byte 25"),
            ('{"instances": [[1,2,3,4]]', "the body is not valid JSON: byte 25"),
            ('{"instances": [[1,2,3,04]]}', "the body is not valid JSON: byte 23"),
            ('{"instances": [[1,2,3,.5]]}', "the body is not valid JSON: byte 22"),
            ('{"instances": [[1,2,3,4]]} x', "the body is not valid JSON: byte 27"),
            ('{"a":' + "[" * 100_000, "the body is not valid JSON: byte"),
            (b'{"inst\xff": 1}', "the body is not valid JSON: byte 2"),
        ],
    )
    def test_refuses_bad_bodies(self, predictor, body, reason):
        status, headers, answer = predictor.request("POST", "/predict", body)
        assert status == 400
        assert headers["Content-Type"] == "application/json"
        assert list(answer) == ["error"]
        assert answer["error"].startswith(reason), answer

    def test_other_paths_and_methods(self, predictor):
        status, _, answer = predictor.request("GET", "/nothing")
        assert (status, list(answer)) == (404, ["error"])
        status, headers, answer = predictor.request("GET", "/predict")
        assert (status, headers["Allow"], list(answer)) == (405, "POST", ["error"])
        status, headers, answer = predictor.request("DELETE", "/health")
        assert (status, headers["Allow"], list(answer)) == (405, "GET, HEAD", ["error"])

    @pytest.mark.parametrize("is_chunked", [False, True])
    def test_refuses_a_body_that_is_too_large(self, predictor, is_chunked):
        body = b'{"instances": [' + b" " * (8 << 20) + b"[1,2,3,4]]}"
        parts = (body[index : index + 65536] for index in range(0, len(body), 65536)) if is_chunked else body
        status, _, answer = predictor.request("POST", "/predict", parts)
        assert (status, answer["error"]) == (413, "the body has more than 8388608 bytes")

    def test_a_large_batch(self, predictor):
        answer = predictor.predict([SETOSA, VIRGINICA] * 20_000)
        assert answer["predictions"] == ["setosa", "virginica"] * 20_000


class TestSettings:
    def test_help_names_every_setting(self):
        result = processes.run([predictors.BINARY, "--help"])
        assert result.returncode == 0
        for name in ("MODEL_VERSION", "MODEL_PATH", "HOST", "PORT", "HTTP_PORT", "LOG_LEVEL", "SHUTDOWN_GRACE"):
            assert f"[{name}]" in result.stdout
            assert f"--{name.lower().replace('_', '-')} " in result.stdout

    @pytest.mark.parametrize(
        ("name", "value", "allowed"),
        [
            ("PORT", "http", "a port from 0 to 65535"),
            ("PORT", "65536", "a port from 0 to 65535"),
            ("PORT", "-1", "a port from 0 to 65535"),
            ("HTTP_PORT", "0x50", "a port from 0 to 65535"),
            ("HOST", "localhost.example", "an IPv4 or IPv6 address"),
            ("LOG_LEVEL", "loud", "trace, debug, info"),
            ("SHUTDOWN_GRACE", "soon", "a duration such as"),
        ],
    )
    def test_bad_value(self, name, value, allowed):
        by_environment = run_predictor(**{name: value})
        by_flag = run_predictor(f"--{name.lower().replace('_', '-')}={value}")
        for result in (by_environment, by_flag):
            assert result.returncode == 64
            line = error_line(result)
            assert line.startswith(f"Error: {name}: '{value}' is not allowed") and allowed in line

    def test_same_port_twice(self):
        result = run_predictor(PORT="7777", HTTP_PORT="7777")
        assert result.returncode == 64
        assert "HTTP_PORT" in error_line(result)

    def test_unknown_flag(self):
        result = run_predictor("--modelpath", "x")
        assert result.returncode == 64
        assert "--modelpath" in result.stderr

    def test_flag_goes_before_environment(self, start_process):
        process = start_process(
            [predictors.BINARY, "--model-version", "v1.1.0", "--model-path", predictors.model("v1.1.0")],
            name="predictor",
            env=predictors.environment("/nowhere", MODEL_VERSION="v7"),
        )
        assert predictors.Predictor(process).started["model_version"] == "v1.1.0"

    @pytest.mark.parametrize("setting", ["PORT", "HTTP_PORT"])
    def test_port_in_use(self, setting):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            result = run_predictor(MODEL_PATH=str(predictors.model("v1.0.0")), **{setting: str(port)})
        assert result.returncode == 69
        assert error_line(result) == f"Error: {setting}: can't listen on 127.0.0.1:{port}: address already in use"

    def test_ipv6(self, start_predictor, open_channel):
        predictor = start_predictor(HOST="::1")
        assert predictor.address.startswith("[::1]:")
        answer = health(open_channel(predictor.address)).Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING

    def test_every_log_line_is_json(self, start_predictor):
        predictor = start_predictor(LOG_LEVEL="trace")
        predictor.predict([SETOSA])
        assert predictor.process.stop() == 0
        assert predictor.process.stderr
        for line in predictor.process.stderr:
            entry = json.loads(line)
            assert {"time", "level", "logger", "message"} <= set(entry)
        assert predictor.process.stdout == []


class TestModelFile:
    @pytest.fixture
    def folder(self, tmp_path):
        """A copy of a shipped model with its manifest."""
        for name in ("model.pkl", "model.json"):
            shutil.copy(predictors.model("v1.0.0").parent / name, tmp_path)
        return tmp_path

    def refusal(self, model, **settings) -> str:
        result = run_predictor(MODEL_PATH=str(model), **settings)
        assert result.returncode == 65, result.stderr
        return error_line(result)

    def test_version_comes_from_the_manifest(self, start_predictor):
        assert start_predictor(predictors.model("v1.1.0")).started["model_version"] == "v1.1.0"

    def test_bare_model(self, start_predictor, folder):
        (folder / "model.json").unlink()
        predictor = start_predictor(folder / "model.pkl", MODEL_VERSION="my-own")
        assert predictor.predict([SETOSA])["model_version"] == "my-own"

    def test_bare_model_without_a_version(self, folder):
        (folder / "model.json").unlink()
        result = run_predictor(MODEL_PATH=str(folder / "model.pkl"))
        assert result.returncode == 64
        assert "MODEL_VERSION is not set" in error_line(result)

    def test_relative_path_without_a_folder(self, start_process, folder):
        process = start_process(
            [predictors.BINARY], name="predictor", env=predictors.environment("model.pkl"), cwd=folder
        )
        assert predictors.Predictor(process).started["model_version"] == "v1.0.0"

    def test_other_version_than_the_manifest_says(self, folder):
        line = self.refusal(folder / "model.pkl", MODEL_VERSION="v2.0.0")
        assert "model.json: describes version 'v1.0.0', but MODEL_VERSION is 'v2.0.0'" in line

    def test_other_checksum_than_the_manifest_says(self, folder):
        content = bytearray((folder / "model.pkl").read_bytes())
        content[-100] ^= 1
        (folder / "model.pkl").write_bytes(content)
        line = self.refusal(folder / "model.pkl")
        assert f"has SHA-256 {hashlib.sha256(content).hexdigest()}" in line and "model.json says" in line

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda manifest: manifest.pop("sha256"), '"sha256" is missing'),
            (lambda manifest: manifest.update(version=1), '"version" has the wrong type'),
            (lambda manifest: manifest.update(classes=["a", "b", "c"]), "has the classes"),
            (lambda manifest: manifest.update(feature_names=["a"]), "has 4 features"),
        ],
    )
    def test_manifest_that_does_not_fit(self, folder, change, reason):
        manifest = json.loads((folder / "model.json").read_text())
        change(manifest)
        (folder / "model.json").write_text(json.dumps(manifest))
        assert reason in self.refusal(folder / "model.pkl")

    @pytest.mark.parametrize("content", ["", "[]", "{", "\x00"])
    def test_manifest_that_is_not_a_json_object(self, folder, content):
        (folder / "model.json").write_text(content)
        assert "model.json: it is not a JSON object" in self.refusal(folder / "model.pkl")

    @pytest.mark.parametrize("settings", [{}, {"MODEL_VERSION": "v1"}])
    def test_missing(self, tmp_path, settings):
        line = self.refusal(tmp_path / "none.pkl", **settings)
        assert line == (
            f"Error: {tmp_path}/none.pkl: there is no such file. Put a model there "
            "(into an image with COPY models /app/models), or set MODEL_PATH to its file"
        )

    def test_not_a_regular_file(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        for path in (tmp_path / "pipe", "/dev/zero"):
            assert "it is not a regular file" in self.refusal(path, MODEL_VERSION="v1")

    def test_too_large(self, tmp_path):
        with open(tmp_path / "model.pkl", "wb") as file:
            file.truncate((1 << 30) + 1)
        assert f"has {(1 << 30) + 1} bytes; allowed are at most {1 << 30}" in self.refusal(
            tmp_path / "model.pkl", MODEL_VERSION="v1"
        )


def run_predictor_measured(**settings) -> dict:
    """Runs a Predictor and returns its exit code, its standard error, and its peak resident memory in KiB.

    A small process starts it: the peak that the system reports for a child begins with its parent's size, and this one
    is large.
    """
    script = (
        "import json, os, subprocess, sys\n"
        "process = subprocess.Popen(sys.argv[1:], stderr=subprocess.PIPE)\n"
        "error = process.stderr.read().decode()\n"
        "_, status, usage = os.wait4(process.pid, 0)\n"
        "code = process.returncode = os.waitstatus_to_exitcode(status)\n"
        "print(json.dumps({'code': code, 'error': error, 'peak_kib': usage.ru_maxrss}))\n"
    )
    environment = {"HOST": "127.0.0.1", "PORT": "0", "HTTP_PORT": "0", **settings}
    result = processes.run([sys.executable, "-I", "-S", "-c", script, predictors.BINARY], env=environment)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


class Item:
    """An object of a class that only this file has."""

    def __init__(self, **members):
        vars(self).update(members)


def on_progress(step):
    """A function that only this file has."""


class TestUnneededAttributes:
    """Attributes that no prediction needs may be of any kind; nothing is built from them."""

    @pytest.mark.parametrize("protocol", [2, 3, 4, 5, "joblib"])
    def test_random_state_and_others(self, start_predictor, tmp_path, protocol):
        import joblib
        import numpy

        model = pickle.loads(predictors.model("v1.0.0").read_bytes())
        model.random_state = numpy.random.RandomState(7)
        model.generator = numpy.random.default_rng(7)
        model.callback = on_progress
        model.metadata = Item(stage="production", tags={"a"}, path=tmp_path, halves=numpy.zeros(3, numpy.float16))
        model.feature_names_in_ = numpy.array(["a", "b", "c", "d"], dtype=object)
        path = tmp_path / "model.pkl"
        if protocol == "joblib":
            joblib.dump(model, path, compress=0)
        else:
            path.write_bytes(pickle.dumps(model, protocol=protocol))
        predictor = start_predictor(path, MODEL_VERSION="v1")
        plain = start_predictor(predictors.model("v1.0.0"), MODEL_VERSION="v1.0.0")
        ours, theirs = predictor.predict([SETOSA]), plain.predict([SETOSA])
        assert ours["probabilities"] == theirs["probabilities"]
        line = predictor.process.wait_for_line(
            lambda text: "attributes that are not understood" in text and text, what="the line that tells of them"
        )
        told = json.loads(line)["attributes"]
        for name, what in (
            ("random_state", "__randomstate_ctor'"), ("generator", "__generator_ctor'"), ("callback", "on_progress'"),
            ("metadata", "Item'"),
        ):
            # Protocols 2 and 3 make instances by calling a function, and put the state into the result.
            assert any(f"LogisticRegression '{name}' at byte " in text and what in text for text in told), (name, told)

    def test_class_of_eight_megabytes(self, start_predictor, tmp_path):
        """A model with a class name of eight megabytes is served; the log has only the beginning of the name."""
        model = pickle.loads(predictors.model("v1.0.0").read_bytes())
        model.classes_ = model.classes_.astype(object)
        model.classes_[1] = "x" * (8 << 20)
        path = tmp_path / "model.pkl"
        path.write_bytes(pickle.dumps(model, protocol=4))
        predictor = start_predictor(path, MODEL_VERSION="v1")
        assert predictor.started["classes"] == ["setosa", "x" * 200 + "…", "virginica"]
        assert predictor.predict([SETOSA])["predictions"] == ["setosa"]


class Command:
    """An object that pickles to a call of posix.system."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


class TestHostileModel:
    @pytest.fixture
    def refusal(self, tmp_path):
        """Runs a Predictor on a model's bytes, which it has to refuse with exit code 65; returns its error line."""

        def refuse(content: bytes) -> str:
            path = tmp_path / "model.pkl"
            path.write_bytes(content)
            result = run_predictor(MODEL_PATH=str(path), MODEL_VERSION="v1")
            assert result.returncode == 65, (result.returncode, result.stderr)
            line = error_line(result)
            line = line.removeprefix(f"Error: {path}: ")
            assert line.startswith(("byte ", "in the content decompressed from "))
            return line

        return refuse

    @pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
    def test_command(self, refusal, tmp_path, protocol):
        marker = tmp_path / "owned"
        line = refusal(pickle.dumps(Command(marker), protocol=protocol))
        assert "'posix.system', which is none of the classes that a model may be made of; nothing was run" in line
        assert not marker.exists()

    @pytest.mark.parametrize("model", [
        GaussianProcessClassifier(), make_pipeline(NMF(1), LogisticRegression()),
    ], ids=["gaussian process", "pipeline"])  # fmt: skip
    def test_model_of_another_kind(self, refusal, model):
        """The refusal says what can be served and where to read on."""
        line = refusal(pickle.dumps(model.fit([[0.0], [1.0]], [0, 1])))
        assert type(model[0] if isinstance(model, Pipeline) else model).__name__ in line
        assert "The Predictor serves most of scikit-learn's classifiers and regressors" in line
        assert line.endswith("see models/README.md")
        assert (processes.ROOT / "models/README.md").exists()

    def test_command_hidden_in_a_model(self, refusal, tmp_path):
        model = pickle.loads(predictors.model("v1.0.0").read_bytes())
        model.random_state = Command(tmp_path / "owned")
        content = pickle.dumps(model, protocol=4)
        line = refusal(content)
        assert "'posix.system'" in line
        place = int(line.split(":")[0].removeprefix("byte "))
        assert content.index(b"posix") < place < content.index(b"touch")
        assert not (tmp_path / "owned").exists()

    @pytest.mark.parametrize("protocol", [0, 1])
    def test_old_protocols(self, refusal, protocol):
        """Old protocols make every instance by the same function, whose name says nothing about the cause."""
        model = pickle.loads(predictors.model("v1.0.0").read_bytes())
        line = refusal(pickle.dumps(model, protocol=protocol))
        assert line.startswith("byte 0: this looks like a pickle of protocol 0 or 1, which are not supported"), line
        assert "copy_reg" not in line

    def test_names_of_eight_megabytes(self, refusal):
        """A message has a few hundred bytes, however long the names in the file are."""
        long = "x" * (8 << 20)
        named = b"\x80\x04X" + len(long).to_bytes(4, "little") + long.encode() + b"2\x93)R."
        assert len(refusal(named)) < 1_000
        model = pickle.loads(predictors.model("v1.0.0").read_bytes())
        model.multi_class = long
        assert "LogisticRegression.multi_class" in refusal(pickle.dumps(model, protocol=4))
        assert len(refusal(pickle.dumps(model, protocol=4))) < 1_000

    def test_unsupported_class(self, refusal):
        from sklearn.cluster import KMeans

        line = refusal(pickle.dumps(KMeans(2, n_init=1).fit([[0, 0, 0, 0], [1, 1, 1, 1]])))
        assert "'sklearn.cluster._kmeans.KMeans'" in line

    def test_scaler_alone(self, refusal):
        from sklearn.preprocessing import StandardScaler

        line = refusal(pickle.dumps(StandardScaler().fit([[0.0], [1.0]])))
        assert "found no estimator that predicts where a classifier or regressor at the end is expected" in line

    def test_unfitted(self, refusal):
        from sklearn.linear_model import LogisticRegression

        assert "LogisticRegression.classes_: found no such attribute" in refusal(pickle.dumps(LogisticRegression()))

    @pytest.mark.parametrize("compress", ["zlib", "gzip", "bz2", "xz", "lzma"])
    def test_compressed(self, refusal, tmp_path, compress):
        """A compressed file is read, so that what is in it is refused for what it is; one that is cut off isn't."""
        import joblib
        from sklearn.cluster import DBSCAN

        path = tmp_path / "compressed.pkl"
        joblib.dump(DBSCAN().fit([[0.0], [1.0]]), path, compress=(compress, 3))
        content = path.read_bytes()
        name = "bzip2" if compress == "bz2" else compress
        line = refusal(content)
        assert line.startswith(f"in the content decompressed from {name}, byte "), line
        assert "'sklearn.cluster._dbscan.DBSCAN'" in line
        line = refusal(content[:-1])
        assert line.startswith(f"byte {len(content) - 1}: the file is compressed ({name}): "), line

    def test_bombs_cost_no_memory(self, tmp_path):
        """128 MiB of lists, of zeros and of references in 130 KB."""
        path = tmp_path / "model.pkl"
        for filling in (b"]", b"\0", b"2"):
            path.write_bytes(gzip.compress(b"\x80\x04N" + filling * (1 << 27), 6))
            result = run_predictor_measured(MODEL_PATH=str(path), MODEL_VERSION="v1")
            assert result["code"] == 65, result
            assert "bytes would come out of the compressed data" in result["error"]
            assert result["peak_kib"] < 400 << 10, filling

    def test_truncated(self, refusal):
        content = predictors.model("v1.0.0").read_bytes()
        for length in (1, 2, 10, len(content) // 2, len(content) - 1):
            line = refusal(content[:length])
            assert int(line.split(":")[0].removeprefix("byte ")) <= length
        assert "an empty file" in refusal(b"")

    def test_absurd_lengths_cost_no_memory(self, tmp_path):
        content = predictors.model("v1.0.0").read_bytes()
        path = tmp_path / "model.pkl"
        payloads = [
            b"\x80\x05\x96" + b"\xff" * 8,  # a bytearray of 2^64 - 1 bytes
            b"\x80\x04\x8d" + b"\xff\xff\xff\xff\xff\xff\xff\x7f",  # a string of 2^63 - 1 bytes
            b"\x80\x04X\xff\xff\xff\xffabc.",  # a string of 4 GiB
            b"\x80\x04j\xff\xff\xff\xff.",  # memo entry 2^32 - 1
            b"\x80\x04" + b"]" * 2_000_000 + b".",  # two million lists
            b"\x80\x04N" + b"\x85" * 2_000_000 + b".",  # nested two million deep
            b"\x80\x04N" + b"2" * 3_000_000 + b".",  # three million references
            content.replace(b"coef_", b"\xff\xff\xff\xff\xff", 1),
        ]
        for payload in payloads:
            path.write_bytes(payload)
            result = run_predictor_measured(MODEL_PATH=str(path), MODEL_VERSION="v1")
            assert result["code"] == 65, result
            assert ": byte " in result["error"]
            assert result["peak_kib"] < 400 << 10, payload[:20]


class TestLifecycle:
    def test_starts_fast(self, start_predictor):
        begin = time.monotonic()
        start_predictor()
        # An idle machine takes about 30 ms.
        assert time.monotonic() - begin < 2

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_finishes_calls_under_way(self, start_predictor, open_channel, number):
        predictor = start_predictor()
        _, services = predictors.stubs()
        rows = [threading.Event(), threading.Event()]

        def requests():
            yield predict_request(SETOSA, "before")
            rows[0].wait(20)
            yield predict_request(VIRGINICA, "after")
            rows[1].wait(20)

        answers = services.PredictionServiceStub(open_channel(predictor.address)).PredictStream(requests(), timeout=30)
        assert next(answers).request_id == "before"
        predictor.process.signal(number)
        predictor.process.wait_for_line(lambda line: '"message":"stopping"' in line, what="line that it stops")

        def refuses_connections() -> bool:
            host, port = predictor.address.rsplit(":", 1)
            with socket.socket() as probe:
                return probe.connect_ex((host, int(port))) != 0

        eventually(refuses_connections, what="no new connections are taken")
        rows[0].set()
        answer = next(answers)
        assert (answer.request_id, answer.label) == ("after", "virginica")
        assert predictor.process.popen.poll() is None
        rows[1].set()
        assert list(answers) == []
        assert predictor.process.wait(10) == 0

    def test_grace_has_an_end(self, start_predictor, open_channel):
        predictor = start_predictor(SHUTDOWN_GRACE="300ms")
        _, services = predictors.stubs()
        never = threading.Event()

        def requests():
            yield predict_request(SETOSA)
            never.wait(30)

        answers = services.PredictionServiceStub(open_channel(predictor.address)).PredictStream(requests(), timeout=30)
        next(answers)
        predictor.process.signal(signal.SIGTERM)
        assert predictor.process.wait(10) == 0
        with pytest.raises(grpc.RpcError) as failure:
            next(answers)
        assert failure.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
        never.set()

    def test_idle_connections_do_not_delay_the_end(self, start_predictor, open_channel):
        predictor = start_predictor()
        health(open_channel(predictor.address)).Check(health_pb2.HealthCheckRequest())
        host, port = predictor.http_address.rsplit(":", 1)
        with socket.create_connection((host, int(port))):
            begin = time.monotonic()
            predictor.process.signal(signal.SIGTERM)
            assert predictor.process.wait(10) == 0
            assert time.monotonic() - begin < 5
