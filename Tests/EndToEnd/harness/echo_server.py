"""A gRPC backend on stock grpcio, run as a process of its own: `python -m harness.echo_server --name blue --port 0`,
with TLS by `--tls-cert FILE --tls-key FILE`, and for clients with certificates alone by `--tls-client-ca FILE`. With
`--ping-strikes N` it ends a connection (ENHANCE_YOUR_CALM) at so many PINGs beyond the first between two of its own frames.

Methods of service `echo.Echo`; messages are bytes as they are, JSON where noted:

- `Unary`: echoes the message. Metadata that came as `x-echo-initial-…` and `x-echo-trailing-…` goes back where it says.
- `Describe`: JSON of what the backend saw: its name, metadata in order, seconds until the deadline, the peer.
- `ClientStream`: reads all messages; JSON with their count, bytes and SHA-256.
- `ServerStream`: JSON `{"count", "size"}`; that many messages, message i being the byte i mod 256 `size` times.
- `Bidi`: echoes each message.
- `LongStream`: answers message n by JSON `{"backend", "stream", "seq"}`, `stream` being one id for the whole stream.
- `Fail`: JSON `{"code", "message", "after"}`; ends with that status after `after` messages.
- `EarlyReply`: answers a client-streaming call at once, without reading any message.
- `EarlyEnd`: bidirectional; answers the first message, then ends although the client's side is still open.
- `Hang`: sends initial metadata, then nothing until cancelled.
- `BidiHang`: bidirectional; echoes the first message, then nothing until cancelled.

On standard output, one JSON object a line: `listening` (with the port), `began`, `cancelled`, `stopped`.
On standard input, one JSON object a line: `{"health": "SERVING" | "NOT_SERVING"}`, `{"stop": GRACE_SECONDS}`.
The end of standard input ends the process.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import sys
import uuid
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

# Once a thousand calls wait, gRPC's servers cancel some by lot: copies, which nobody waits for, may be as many.
PENDING = 1_000_000
UNLIMITED = [
    ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0),
    ("grpc.server.max_pending_requests", PENDING), ("grpc.server.max_pending_requests_hard_limit", 2 * PENDING),
]  # fmt: skip


def emit(event: str, **fields) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def described(metadata) -> list[list[str]]:
    return [
        [key, base64.b64encode(value).decode() if isinstance(value, bytes) else value] for key, value in metadata or ()
    ]


class Echo:
    def __init__(self, name: str):
        self.name = name

    async def _echo_metadata(self, context: grpc.aio.ServicerContext) -> None:
        initial, trailing = [], []
        for key, value in context.invocation_metadata() or ():
            if key.startswith("x-echo-initial-"):
                initial.append((key, value))
            elif key.startswith("x-echo-trailing-"):
                trailing.append((key, value))
        if initial:
            await context.send_initial_metadata(initial)
        if trailing:
            context.set_trailing_metadata(trailing)

    async def unary(self, request: bytes, context) -> bytes:
        await self._echo_metadata(context)
        return request

    async def describe(self, _: bytes, context) -> bytes:
        return json.dumps({
            "backend": self.name,
            "metadata": described(context.invocation_metadata()),
            "time_remaining": context.time_remaining(),
            "peer": context.peer(),
        }).encode()

    async def client_stream(self, requests, context) -> bytes:
        await self._echo_metadata(context)
        count, size, digest = 0, 0, hashlib.sha256()
        async for message in requests:
            count += 1
            size += len(message)
            digest.update(message)
        return json.dumps({"count": count, "bytes": size, "sha256": digest.hexdigest()}).encode()

    async def server_stream(self, request: bytes, context):
        await self._echo_metadata(context)
        wanted = json.loads(request)
        for i in range(wanted["count"]):
            yield bytes([i % 256]) * wanted["size"]

    async def bidi(self, requests, context):
        await self._echo_metadata(context)
        async for message in requests:
            yield message

    async def long_stream(self, requests, _):
        stream = uuid.uuid4().hex
        async for message in requests:
            yield json.dumps({"backend": self.name, "stream": stream, "seq": json.loads(message)["seq"]}).encode()

    async def fail(self, request: bytes, context):
        wanted = json.loads(request)
        await self._echo_metadata(context)
        for i in range(wanted.get("after", 0)):
            yield b"%d" % i
        await context.abort(grpc.StatusCode[wanted["code"]], wanted["message"], context.trailing_metadata() or ())

    async def early_reply(self, _, context) -> bytes:
        emit("began", method="EarlyReply", metadata=described(context.invocation_metadata()))
        return self.name.encode()

    async def early_end(self, requests, context):
        async for message in requests:
            yield message
            return

    async def hang(self, _: bytes, context):
        await context.send_initial_metadata(())
        await self._hang("Hang", context)
        yield b""  # never reached; it makes this a generator

    async def bidi_hang(self, requests, context):
        async for message in requests:
            yield message
            break
        await self._hang("BidiHang", context)

    async def _hang(self, method: str, context) -> None:
        metadata = described(context.invocation_metadata())
        emit("began", method=method, metadata=metadata)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            emit("cancelled", method=method, metadata=metadata)
            raise

    def handlers(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler("echo.Echo", {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "Describe": grpc.unary_unary_rpc_method_handler(self.describe),
            "ClientStream": grpc.stream_unary_rpc_method_handler(self.client_stream),
            "ServerStream": grpc.unary_stream_rpc_method_handler(self.server_stream),
            "Bidi": grpc.stream_stream_rpc_method_handler(self.bidi),
            "LongStream": grpc.stream_stream_rpc_method_handler(self.long_stream),
            "Fail": grpc.unary_stream_rpc_method_handler(self.fail),
            "EarlyReply": grpc.stream_unary_rpc_method_handler(self.early_reply),
            "EarlyEnd": grpc.stream_stream_rpc_method_handler(self.early_end),
            "Hang": grpc.unary_stream_rpc_method_handler(self.hang),
            "BidiHang": grpc.stream_stream_rpc_method_handler(self.bidi_hang),
        })


def credentials(arguments: argparse.Namespace) -> grpc.ServerCredentials:
    pair = (Path(arguments.tls_key).read_bytes(), Path(arguments.tls_cert).read_bytes())
    if not arguments.tls_client_ca:
        return grpc.ssl_server_credentials([pair])
    return grpc.ssl_server_credentials([pair], Path(arguments.tls_client_ca).read_bytes(), require_client_auth=True)


async def serve(arguments: argparse.Namespace) -> None:
    strict = []
    if arguments.ping_strikes:
        strict = [
            ("grpc.http2.max_ping_strikes", arguments.ping_strikes),
            ("grpc.http2.min_ping_interval_without_data_ms", 3_600_000),
            ("grpc.keepalive_permit_without_calls", 0),
        ]
    server = grpc.aio.server(options=UNLIMITED + strict)
    server.add_generic_rpc_handlers((Echo(arguments.name).handlers(),))
    health_servicer = health.aio.HealthServicer()
    await health_servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    await health_servicer.set("echo.Echo", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    address = f"127.0.0.1:{arguments.port}"
    if arguments.tls_cert:
        bound = server.add_secure_port(address, credentials(arguments))
    else:
        bound = server.add_insecure_port(address)
    await server.start()
    emit("listening", port=bound)

    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        command = json.loads(line)
        if "health" in command:
            status = health_pb2.HealthCheckResponse.ServingStatus.Value(command["health"])
            await health_servicer.set("", status)
            await health_servicer.set("echo.Echo", status)
            emit("health", status=command["health"])
        if "stop" in command:
            await server.stop(command["stop"])
            emit("stopped")
            return
    await server.stop(None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ping-strikes", type=int)
    for flag in ("--tls-cert", "--tls-key", "--tls-client-ca"):
        parser.add_argument(flag)
    asyncio.run(serve(parser.parse_args()))
