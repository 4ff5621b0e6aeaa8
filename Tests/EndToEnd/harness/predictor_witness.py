"""A well-behaved client of the Predictor beside an attack: small predictions, which all succeed, and soon."""

import http.client
import itertools
import json
import struct
from collections.abc import Callable

from harness.predictor import SERVICE, Predictor, stubs
from harness.witness import Shape, Witness

PREDICT, INFER, STREAM, HTTP = "predict", "infer", "stream", "http"
PATHS = {
    PREDICT: f"/{SERVICE}/Predict", INFER: "/inference.GRPCInferenceService/ModelInfer",
    STREAM: "/inference.GRPCInferenceService/ModelStreamInfer",
}
#: An iris, and its species.
ROW, LABEL = [5.1, 3.5, 1.4, 0.2], "setosa"


def infer_request(rows: list[list[float]], id: str = "", datatype: str = "FP64", outputs=()) -> bytes:
    """A request of `ModelInfer` with one raw tensor."""
    messages, _ = stubs("inference")
    code = {"FP64": "d", "FP32": "f", "UINT8": "B"}[datatype]
    request = messages.ModelInferRequest(model_name="model", id=id)
    request.inputs.add(name="x", datatype=datatype, shape=[len(rows), len(rows[0])])
    request.raw_input_contents.append(b"".join(struct.pack(f"<{len(row)}{code}", *row) for row in rows))
    for name in outputs:
        request.outputs.add(name=name)
    return request.SerializeToString()


class PredictorWitness(Witness):
    """Makes predictions of one row, in four ways at once: by `Predict`, by `ModelInfer`, by one long stream of
    `ModelStreamInfer`, and over HTTP. It is judged as the Proxy's witness is."""

    def __init__(self, predictor: Predictor, **options):
        self._http_address = predictor.http_address
        super().__init__(predictor.address, **{"shapes": (PREDICT, INFER, STREAM, HTTP), **options})

    def _loops(self) -> dict[str, Callable[[Shape], None]]:
        return {PREDICT: self._predict, INFER: self._infer, STREAM: self._stream, HTTP: self._http}

    def _path(self, shape: Shape) -> str:
        return PATHS[shape.name]

    def _predict(self, shape: Shape) -> None:
        messages, _ = stubs()
        request = messages.PredictRequest(features=ROW, request_id=str(shape.count))
        answer = messages.PredictResponse.FromString(self._call(shape, request.SerializeToString()))
        assert (answer.label, answer.request_id) == (LABEL, request.request_id), answer
        self._rest()

    def _check(self, response, id: str) -> None:
        (contents,) = response.raw_output_contents
        assert (response.id, contents[4:].decode()) == (id, LABEL), response

    def _infer(self, shape: Shape) -> None:
        messages, _ = stubs("inference")
        id = str(shape.count)
        self._check(messages.ModelInferResponse.FromString(self._call(shape, infer_request([ROW], id))), id)
        self._rest()

    def _stream(self, shape: Shape) -> None:
        messages, _ = stubs("inference")
        stream = self._open(shape)
        for number in itertools.count():
            id = str(number)
            answer = messages.ModelStreamInferResponse.FromString(
                self._exchange(shape, stream, infer_request([ROW], id)))
            assert not answer.error_message, answer
            self._check(answer.infer_response, id)
            self._rest()
            if self._stop.is_set():
                break
        self._end_stream(stream)

    def _http(self, shape: Shape) -> None:
        connection = http.client.HTTPConnection(self._http_address, timeout=self._patience)
        body = json.dumps({"instances": [ROW]})
        try:
            while not self._stop.is_set():
                with shape.timed():
                    connection.request("POST", "/predict", body)
                    response = connection.getresponse()
                    answer = json.loads(response.read())
                assert response.status == 200 and answer["predictions"] == [LABEL], (response.status, answer)
                self._rest()
        finally:
            connection.close()
