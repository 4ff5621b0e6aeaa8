"""A server on stock grpcio that tells its version, or its descriptors, run as a process of its own:
`python -m harness.version_server`.

- `--no-health`: it has no `grpc.health.v1.Health`, which the Proxy's checks ask otherwise.
- `--predictor VERSION`: the Predictor's `prediction.v1.PredictionService/Health` with that `model_version`.
- `--model NAME=VERSION,…`: the Open Inference Protocol's ModelMetadata of a model; may be repeated.
- `--software VERSION`: its ServerMetadata.
- `--hangs`: none of these methods ever answers.
- `--tls NAME`: it speaks TLS, with `NAME.pem` and `NAME.key`.
- `--reflection v1|v1alpha`: server reflection under that name, of the services `grpc.health.v1.Health` and
  `prediction.v1.PredictionService`, whether it has them or not.

On standard output, one JSON object a line: `listening` (with the port), and `asked` with the path of each call but health
checks. The end of standard input ends the process.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from harness import predictor as predictors


def emit(event: str, **fields) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def text(number: int, value: str) -> bytes:
    """A protobuf field of a string, shorter than 128 bytes."""
    return bytes([number << 3 | 2, len(value.encode())]) + value.encode()


class Server(grpc.GenericRpcHandler):
    def __init__(self, arguments: argparse.Namespace):
        self._hangs = arguments.hangs
        self._models = dict(model.split("=") for model in arguments.model or [])
        self._answers = {
            "/prediction.v1.PredictionService/Health": arguments.predictor and b"\x08\x01" + text(2, arguments.predictor),
            "/inference.GRPCInferenceService/ServerMetadata":
                arguments.software and text(1, "triton") + text(2, arguments.software),
        }

    async def _answer(self, path: str, request: bytes, context) -> bytes:
        emit("asked", path=path)
        if self._hangs:
            await asyncio.sleep(3600)
        if not path.endswith("/ModelMetadata"):
            return self._answers[path]
        versions = self._models.get(request[2:].decode())
        if versions is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such model")
        return request + b"".join(text(2, version) for version in versions.split(",") if version)

    def service(self, handler_call_details):
        path = handler_call_details.method
        has = bool(self._models) if path.endswith("/ModelMetadata") else self._answers.get(path)
        if not has:
            return None

        async def answer(request: bytes, context) -> bytes:
            return await self._answer(path, request, context)

        return grpc.unary_unary_rpc_method_handler(answer)


def reflection(name: str):
    """grpcio-reflection has the protocol's older name alone; its messages are the same."""
    from grpc_reflection.v1alpha import reflection as older
    from grpc_reflection.v1alpha import reflection_pb2

    predictors.stubs()
    services = ["grpc.health.v1.Health", predictors.SERVICE, older.SERVICE_NAME]
    method = grpc.stream_stream_rpc_method_handler(
        older.aio.ReflectionServicer(services).ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString)
    return grpc.method_handlers_generic_handler(
        f"grpc.reflection.{name}.ServerReflection", {"ServerReflectionInfo": method})


async def serve(arguments: argparse.Namespace) -> None:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((Server(arguments),))
    if arguments.reflection:
        server.add_generic_rpc_handlers((reflection(arguments.reflection),))
    if not arguments.no_health:
        checks = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(checks, server)
        await checks.set("", health_pb2.HealthCheckResponse.SERVING)
    if arguments.tls:
        key, certificate = (Path(f"{arguments.tls}.{kind}").read_bytes() for kind in ("key", "pem"))
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    emit("listening", port=port)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    await commands.read()
    await server.stop(None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--predictor")
    parser.add_argument("--model", action="append")
    parser.add_argument("--software")
    parser.add_argument("--hangs", action="store_true")
    parser.add_argument("--no-health", action="store_true")
    parser.add_argument("--tls")
    parser.add_argument("--reflection", choices=["v1", "v1alpha"])
    asyncio.run(serve(parser.parse_args()))
