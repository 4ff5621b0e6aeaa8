"""Asks a real MLServer what its scikit-learn runtime answers, and writes the questions and answers down.

    python3 -m venv venv && venv/bin/pip install mlserver mlserver-sklearn
    venv/bin/python Tests/OpenInferenceTests/Fixtures/make_mlserver.py

Writes `mlserver.json` and the classifiers' pickles beside this file. The server runs on the loopback interface, in a
folder of its own, and ends with this script. Written with mlserver 1.7.1, mlserver-sklearn 1.7.1, scikit-learn 1.9.1.
"""

import json
import pathlib
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import grpc
import numpy as np
import pandas as pd
from google.protobuf.json_format import MessageToDict
from mlserver.codecs import NumpyRequestCodec, PandasCodec
from mlserver.grpc import dataplane_pb2 as pb
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FOLDER = pathlib.Path(__file__).parent
VERSION = "v7"

ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3], [5.9, 2.7, 4.3, 1.25], [-1.0, 0.0, 40.5, 1e-3]])
FRAME = pd.DataFrame(
    {"city": ["Oslo", "Roma", "Oslo", "Köln"], "age": [31.0, 18.5, 77.25, 0.0], "owns": [True, False, True, False]}
)


def train() -> dict[str, object]:
    """The models by name: one for every kind of label and of answer."""
    random = np.random.default_rng(7)
    rows = random.normal(size=(60, 4)) * 2 + 3
    kinds = (rows[:, 0] + rows[:, 2] > 6).astype(int) + (rows[:, 1] > 4)
    frame = pd.DataFrame(
        {
            "city": random.choice(["Oslo", "Roma", "Köln"], 60),
            "age": random.uniform(0, 90, 60).round(1),
            "owns": random.random(60) > 0.5,
        }
    )
    columns = ColumnTransformer(
        [("city", OneHotEncoder(), ["city"]), ("age", StandardScaler(), ["age"])], remainder="passthrough"
    )
    return {
        "integers": LogisticRegression().fit(rows, kinds),
        "strings": make_pipeline(StandardScaler(), LogisticRegression()).fit(
            rows, np.array(["setosa", "versicolor", "virginica"])[kinds]
        ),
        "objects": LogisticRegression().fit(rows, np.array(["no", "yes, ÿ", "maybe"], dtype=object)[kinds]),
        "booleans": LogisticRegression().fit(rows, kinds > 0),
        "floats": LogisticRegression().fit(rows, kinds * 2.0),
        "named": LogisticRegression().fit(pd.DataFrame(rows, columns=["a", "b", "c", "d"]), kinds),
        "number": LinearRegression().fit(rows, rows @ [1.0, -2.0, 0.5, 3.0] + 1),
        "numbers": LinearRegression().fit(rows, rows @ random.normal(size=(4, 3))),
        "column": LinearRegression().fit(rows, rows @ [[1.0], [-2.0], [0.5], [3.0]]),
        "mixed": make_pipeline(columns, LogisticRegression()).fit(frame, np.where(frame["age"] > 40, "old", "young")),
    }


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


def contents(datatype: str, data: list) -> dict:
    """The typed contents of a tensor."""
    field = {
        "BOOL": "bool_contents",
        "INT8": "int_contents",
        "INT16": "int_contents",
        "INT32": "int_contents",
        "INT64": "int64_contents",
        "UINT8": "uint_contents",
        "UINT16": "uint_contents",
        "UINT32": "uint_contents",
        "UINT64": "uint64_contents",
        "FP32": "fp32_contents",
        "FP64": "fp64_contents",
        "BYTES": "bytes_contents",
    }[datatype]
    return {field: [x.encode() if isinstance(x, str) else x for x in data]}


DTYPES = {
    "BOOL": "bool",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
}


def raw(datatype: str, data: list) -> bytes:
    """The raw contents of a tensor."""
    if datatype == "BYTES":
        return b"".join(len(x.encode()).to_bytes(4, "little") + x.encode() for x in data)
    return np.array(data, DTYPES[datatype]).tobytes()


def tensor(name: str, values: np.ndarray, datatype: str = "FP64", content_type: str | None = None) -> dict:
    """An input in the REST form."""
    values = np.asarray(values)
    if datatype != "BYTES":
        values = values.astype(DTYPES[datatype])
    parameters = {"parameters": {"content_type": content_type}} if content_type else {}
    return {
        "name": name,
        "shape": list(values.shape),
        "datatype": datatype,
        "data": values.flatten().tolist(),
        **parameters,
    }


def frame_tensors(two_dimensional: bool) -> list[dict]:
    """The mixed columns, one input each."""
    shape = (-1, 1) if two_dimensional else (-1,)
    return [
        tensor("city", FRAME["city"].to_numpy(dtype=object).reshape(shape), "BYTES", "str"),
        tensor("age", FRAME["age"].to_numpy().reshape(shape)),
        tensor("owns", FRAME["owns"].to_numpy().reshape(shape), "BOOL"),
    ]


def requests() -> Iterator[tuple[str, dict]]:
    """The models and requests in the REST form; each is asked over REST, and over gRPC with typed and raw contents."""
    whole = {"inputs": [tensor("input-0", ROWS)]}
    one = {"inputs": [tensor("anything", ROWS[:1])]}
    for name in ["integers", "strings", "objects", "booleans", "floats", "named"]:
        yield name, whole
        yield name, {**one, "id": "row-1"}
        yield name, {**whole, "outputs": [{"name": "predict_proba"}]}
        yield name, {**whole, "outputs": [{"name": "predict_proba"}, {"name": "predict"}]}
        yield name, {**whole, "outputs": [{"name": "predict"}, {"name": "predict_proba"}]}
    for name in ["number", "numbers", "column"]:
        yield name, whole
        yield name, {**one, "outputs": [{"name": "predict"}]}
    for datatype in DTYPES:
        values = np.abs(np.round(ROWS)) % 100 if datatype != "BOOL" else ROWS > 1
        yield (
            "integers",
            {"inputs": [tensor("x", values, datatype)], "outputs": [{"name": "predict"}, {"name": "predict_proba"}]},
        )
    columns = [tensor(name, ROWS[:, index]) for index, name in enumerate("abcd")]
    yield "named", {"inputs": columns, "parameters": {"content_type": "pd"}}
    columns = [tensor(name, ROWS[:, [index]], "FP32") for index, name in enumerate("abcd")]
    yield "named", {"inputs": columns, "parameters": {"content_type": "pd"}, "outputs": [{"name": "predict_proba"}]}
    yield "named", {**whole, "parameters": {"content_type": "np"}}
    # As MLServer's own clients write them.
    yield "integers", json.loads(NumpyRequestCodec.encode_request(ROWS).model_dump_json())
    yield (
        "mixed",
        {
            **json.loads(PandasCodec.encode_request(FRAME.astype({"city": object}), use_bytes=False).model_dump_json()),
            "outputs": [{"name": "predict"}, {"name": "predict_proba"}],
        },
    )
    for two_dimensional in [False, True]:
        yield (
            "mixed",
            {
                "inputs": frame_tensors(two_dimensional),
                "parameters": {"content_type": "pd"},
                "outputs": [{"name": "predict"}, {"name": "predict_proba"}],
            },
        )


def parameters(values: dict) -> dict:
    return {name: pb.InferParameter(string_param=value) for name, value in (values or {}).items() if value is not None}


def message(model: str, request: dict, is_raw: bool) -> pb.ModelInferRequest:
    """A request as a message."""
    result = pb.ModelInferRequest(model_name=model, id=request.get("id") or "")
    for name, value in parameters(request.get("parameters", {})).items():
        result.parameters[name].CopyFrom(value)
    for part in request["inputs"]:
        typed = {} if is_raw else {"contents": contents(part["datatype"], part["data"])}
        added = result.inputs.add(name=part["name"], datatype=part["datatype"], shape=part["shape"], **typed)
        for name, value in parameters(part.get("parameters", {})).items():
            added.parameters[name].CopyFrom(value)
        if is_raw:
            result.raw_input_contents.append(raw(part["datatype"], part["data"]))
    for part in request.get("outputs") or []:
        result.outputs.add(name=part["name"])
    return result


def ask_rest(port: int, model: str, request: dict) -> dict:
    call = urllib.request.Request(
        f"http://127.0.0.1:{port}/v2/models/{model}/infer",
        json.dumps(request).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(call) as response:
            body = json.loads(response.read())
            if not request.get("id"):
                # A random one.
                del body["id"]
            return {"status": response.status, "body": body}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "body": error.read().decode()}


def ask_grpc(stub: GRPCInferenceServiceStub, request: pb.ModelInferRequest) -> dict:
    try:
        return {"response": MessageToDict(stub.ModelInfer(request), preserving_proto_field_name=True)}
    except grpc.RpcError as error:
        return {"code": error.code().name, "details": error.details()}


def main() -> None:
    models = train()
    with tempfile.TemporaryDirectory() as folder:
        http, grpc_port, metrics = free_ports(3)
        settings = {
            "host": "127.0.0.1",
            "http_port": http,
            "grpc_port": grpc_port,
            "metrics_port": metrics,
            "parallel_workers": 0,
        }
        (pathlib.Path(folder) / "settings.json").write_text(json.dumps(settings))
        for name, model in models.items():
            place = pathlib.Path(folder) / name
            place.mkdir()
            content = pickle.dumps(model, protocol=5)
            (place / "model.pkl").write_bytes(content)
            described = {
                "name": name,
                "implementation": "mlserver_sklearn.SKLearnModel",
                "parameters": {"uri": "./model.pkl", "version": VERSION},
            }
            (place / "model-settings.json").write_text(json.dumps(described))
            if name in ("integers", "strings", "objects", "booleans", "floats", "named"):
                (FOLDER / f"{name}.pkl").write_bytes(content)
        program = [str(pathlib.Path(sys.executable).parent / "mlserver"), "start", folder]
        with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                record(http, grpc_port, models)
            finally:
                server.send_signal(signal.SIGINT)


def record(http: int, grpc_port: int, models: dict[str, object]) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{http}/v2/health/ready").close()
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
    cases = []
    with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
        stub = GRPCInferenceServiceStub(channel)
        for model, request in requests():
            has_typed = all(part["datatype"] != "FP16" for part in request["inputs"])
            case = {"model": model, "rest": {"request": request, **ask_rest(http, model, request)}}
            for kind in ["typed", "raw"] if has_typed else ["raw"]:
                asked = message(model, request, kind == "raw")
                case[kind] = {
                    "request": MessageToDict(asked, preserving_proto_field_name=True),
                    **ask_grpc(stub, asked),
                }
            cases.append(case)
    linear = {
        name: {
            "coef": np.atleast_2d(models[name].coef_).tolist(),
            "intercept": np.atleast_1d(models[name].intercept_).tolist(),
        }
        for name in ["number", "numbers", "column"]
    }
    text = json.dumps({"version": VERSION, "linear": linear, "cases": cases}, ensure_ascii=False, separators=(",", ":"))
    (FOLDER / "mlserver.json").write_text(text.replace('{"model":', '\n{"model":') + "\n")


if __name__ == "__main__":
    main()
