"""Load for the switch test, as a process of its own: `python -m harness.switch_load --address HOST:PORT --out FILE`.

Unary callers call `Describe` in a closed loop; long bidirectional streams exchange numbered messages all the while.
When everything runs it prints `{"event": "running"}`. At the first line (or the end) of standard input it lets every caller
finish its call and every stream its exchange, half-closes the streams, and writes what it saw to FILE as JSON:

- `calls`: `[began, ended, backend]` of each unary call;
- `streams`: of each stream `began`, `answered` (its first answer), `backend`, `messages` and what was wrong, if so;
- `failures`: texts.
"""

import argparse
import asyncio
import json
import sys
import time

import grpc



class Load:
    def __init__(self, address: str, connections: int, retries: bool):
        # Without a retry policy, grpcio retries only calls that no server has seen: they never left, or were refused
        # unprocessed.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", int(retries))]
        self.channels = [grpc.aio.insecure_channel(address, options=options) for _ in range(connections)]
        self.stop = asyncio.Event()
        self.calls: list[tuple[int, int, str]] = []
        self.streams: list[dict] = []
        self.failures: list[str] = []

    async def caller(self, index: int, started: asyncio.Event) -> None:
        describe = self.channels[index % len(self.channels)].unary_unary("/echo.Echo/Describe")
        while not self.stop.is_set():
            began = time.monotonic_ns()
            try:
                reply = await describe(b"", timeout=60)
            except grpc.aio.AioRpcError as error:
                self.failures.append(f"caller {index}: {error.code().name} {error.details()}")
                started.set()
                return
            self.calls.append((began, time.monotonic_ns(), json.loads(reply)["backend"]))
            started.set()

    async def stream(self, index: int, started: asyncio.Event) -> None:
        record = {"began": time.monotonic_ns(), "answered": None, "backend": None, "messages": 0, "wrong": None}
        self.streams.append(record)
        call = self.channels[index % len(self.channels)].stream_stream("/echo.Echo/LongStream")()
        identity = None
        try:
            while not self.stop.is_set():
                await call.write(b'{"seq": %d}' % record["messages"])
                reply = await call.read()
                if reply is grpc.aio.EOF:
                    record["wrong"] = f"ended early: {await call.code()} {await call.details()}"
                    break
                answer = json.loads(reply)
                if answer["seq"] != record["messages"]:
                    record["wrong"] = f"message {answer['seq']} came where {record['messages']} was due"
                    break
                if identity is None:
                    identity = (answer["backend"], answer["stream"])
                    record["answered"], record["backend"] = time.monotonic_ns(), answer["backend"]
                elif identity != (answer["backend"], answer["stream"]):
                    record["wrong"] = f"moved from {identity} to {answer}"
                    break
                record["messages"] += 1
                started.set()
                await asyncio.sleep(0.1 + (index % 10) * 0.01)
            else:
                await call.done_writing()
                if await call.read() is not grpc.aio.EOF:
                    record["wrong"] = "a message too many"
                elif (code := await call.code()) is not grpc.StatusCode.OK:
                    record["wrong"] = f"ended by {code}"
        except grpc.aio.AioRpcError as error:
            record["wrong"] = f"{error.code().name} {error.details()}"
        finally:
            started.set()

    async def run(self, callers: int, streams: int) -> None:
        events = [asyncio.Event() for _ in range(callers + streams)]
        tasks = [asyncio.create_task(self.caller(i, events[i])) for i in range(callers)]
        tasks += [asyncio.create_task(self.stream(i, events[callers + i])) for i in range(streams)]
        for event in events:
            await event.wait()
        print(json.dumps({"event": "running"}), flush=True)
        commands = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        await commands.readline()
        self.stop.set()
        await asyncio.gather(*tasks)
        for channel in self.channels:
            await channel.close()


async def main(arguments: argparse.Namespace) -> None:
    load = Load(arguments.address, arguments.connections, arguments.retries)
    await load.run(arguments.callers, arguments.streams)
    with open(arguments.out, "w", encoding="utf-8") as out:
        json.dump({"calls": load.calls, "streams": load.streams, "failures": load.failures}, out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--retries", action="store_true", help="repeat what no server has seen, as clients do by default")
    asyncio.run(main(parser.parse_args()))
