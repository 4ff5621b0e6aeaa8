"""A version of a model on stock grpcio whose calls fail, or take longer, as a test says, run as a process of its own:
`python -m harness.model_server --name new`. `harness.model_version` controls it.

It answers every method, unary, with its name. On standard input, one JSON object a line, with the settings that change
from then on:

- `failing`: the share of calls that end with `status` (INTERNAL).
- `delay`: the median of the seconds that a call takes, drawn from a lognormal distribution with a σ of 0.5; 0 for none.
- `hangs`: no call is ever answered.

`report` asks for a line on standard output: how many calls began, when the last one did, and when each of the failed
ones was answered, by the wall clock. The end of standard input ends the process.
"""

import argparse
import asyncio
import json
import random
import sys
import time

import grpc


def emit(event: str, **fields) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


class Model(grpc.GenericRpcHandler):
    def __init__(self, name: str):
        self._name = name.encode()
        # Not for a secret.
        self._random = random.Random(name)  # noqa: S311
        self.settings = {"failing": 0.0, "delay": 0.0, "hangs": False, "status": "INTERNAL"}
        self._calls = 0
        self._began = 0.0
        self._failures: list[float] = []

    async def _answer(self, _: bytes, context) -> bytes:
        self._calls += 1
        self._began = time.time()
        settings = self.settings
        if settings["hangs"]:
            await asyncio.Event().wait()
        if settings["delay"]:
            await asyncio.sleep(settings["delay"] * self._random.lognormvariate(0, 0.5))
        if self._random.random() < settings["failing"]:
            self._failures.append(time.time())
            await context.abort(grpc.StatusCode[settings["status"]], "broken")
        return self._name

    def service(self, handler_call_details):
        return grpc.unary_unary_rpc_method_handler(self._answer)

    def report(self) -> None:
        emit("report", calls=self._calls, began=self._began, failures=self._failures)


async def serve(name: str) -> None:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    model = Model(name)
    server.add_generic_rpc_handlers((model,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    emit("listening", port=port)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        command = json.loads(line)
        if command.pop("report", False):
            model.report()
        else:
            model.settings.update(command)
            emit("set", **command)
    await server.stop(None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    asyncio.run(serve(parser.parse_args().name))
