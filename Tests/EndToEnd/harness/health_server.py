"""A server on stock grpcio for tests of health checks, run as a process of its own:
`python -m harness.health_server --port 0`.

It has `grpc.health.v1.Health` and, of the Open Inference Protocol's `inference.GRPCInferenceService`, `ServerLive`,
`ServerReady` and `ModelReady` (for the model `iris` alone), and `test.Test/Ping`, which answers anything by 10 kB.

- `--watch none`: `Watch` is unimplemented; `--watch OK` or another status: it ends at once with that.
- `--max-age MS`: connections are ended by GOAWAY at this age, those that are left 100 ms later.

On standard output, one JSON object a line: `listening` (with the port), `watch`, `check`, `watch ended`, `model` (with the
request's bytes in hexadecimal).
On standard input, one JSON object a line, each answered by `{"event": "done"}`: `{"health": STATUS}`, `{"ready": BOOL}`,
`{"delay": SECONDS}` before each answer of `Check`, `{"stop": GRACE_SECONDS}`. The end of standard input ends the process.
"""

import argparse
import asyncio
import json
import sys

import grpc
from grpc_health.v1 import health, health_pb2


def emit(event: str, **fields) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


class Server:
    def __init__(self, arguments: argparse.Namespace):
        self.watch_status = arguments.watch
        self.health = health.aio.HealthServicer()
        self.ready = True
        self.delay = 0.0

    async def check(self, request, context):
        emit("check", service=request.service)
        await asyncio.sleep(self.delay)
        return await self.health.Check(request, context)

    async def watch(self, request, context):
        emit("watch", service=request.service)
        try:
            if self.watch_status is not None:
                if self.watch_status != "OK":
                    await context.abort(grpc.StatusCode[self.watch_status], "as the test wishes")
                return
            await self.health.Watch(request, context)
        finally:
            emit("watch ended")

    async def live(self, _: bytes, context) -> bytes:
        return b"\x08\x01"

    async def server_ready(self, _: bytes, context) -> bytes:
        return b"\x08\x01" if self.ready else b""

    async def model_ready(self, request: bytes, context) -> bytes:
        emit("model", request=request.hex())
        if not request.startswith(b"\n\x04iris"):
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such model")
        return b"\x08\x01" if self.ready else b"\x08\x00"

    async def ping(self, request: bytes, context) -> bytes:
        return bytes(10_000)

    def handlers(self):
        messages = {
            "request_deserializer": health_pb2.HealthCheckRequest.FromString,
            "response_serializer": health_pb2.HealthCheckResponse.SerializeToString,
        }
        methods = {"Check": grpc.unary_unary_rpc_method_handler(self.check, **messages)}
        if self.watch_status != "none":
            methods["Watch"] = grpc.unary_stream_rpc_method_handler(self.watch, **messages)
        unary = grpc.unary_unary_rpc_method_handler
        return (
            grpc.method_handlers_generic_handler("grpc.health.v1.Health", methods),
            grpc.method_handlers_generic_handler("inference.GRPCInferenceService", {
                "ServerLive": unary(self.live), "ServerReady": unary(self.server_ready),
                "ModelReady": unary(self.model_ready),
            }),
            grpc.method_handlers_generic_handler("test.Test", {"Ping": unary(self.ping)}),
        )

    async def obey(self, command: dict, server: grpc.aio.Server) -> None:
        if "health" in command:
            status = health_pb2.HealthCheckResponse.ServingStatus.Value(command["health"])
            for service in ("", "test.Test"):
                await self.health.set(service, status)
        self.ready = command.get("ready", self.ready)
        self.delay = command.get("delay", self.delay)
        if "stop" in command:
            await server.stop(command["stop"])
        emit("done")


async def serve(arguments: argparse.Namespace) -> None:
    options = [("grpc.so_reuseport", 0)]
    if arguments.max_age:
        options += [("grpc.max_connection_age_ms", arguments.max_age), ("grpc.max_connection_age_grace_ms", 100)]
    server = grpc.aio.server(options=options)
    own = Server(arguments)
    server.add_generic_rpc_handlers(own.handlers())
    for service in ("", "test.Test"):
        await own.health.set(service, health_pb2.HealthCheckResponse.SERVING)
    port = server.add_insecure_port(f"127.0.0.1:{arguments.port}")
    await server.start()
    emit("listening", port=port)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        await own.obey(json.loads(line), server)
    await server.stop(None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--watch")
    parser.add_argument("--max-age", type=int)
    asyncio.run(serve(parser.parse_args()))
