"""A version of a model (`harness.model_server`) as tests control it, and callers of it."""

import json
import random
import sys
import threading
from pathlib import Path

import grpc
from harness.block_threads import BlockThreads


class ModelVersion:
    """A running server, which listens when the constructor returns."""

    def __init__(self, start_process, name: str):
        self.name = name
        self._process = start_process(
            [sys.executable, "-u", "-m", "harness.model_server", "--name", name],
            name=f"version {name}", cwd=Path(__file__).resolve().parents[1], env={"GRPC_VERBOSITY": "NONE"},
        )  # fmt: skip
        self.address = f"127.0.0.1:{self._wait('listening', 0)['port']}"

    def _wait(self, event: str, start: int) -> dict:
        def matches(line: str):
            record = json.loads(line)
            return record if record["event"] == event else None

        return self._process.wait_for_line(matches, what=event, stream="stdout", start=start)

    def _ask(self, event: str, **command) -> dict:
        start = len(self._process.stdout)
        self._process.send_line(json.dumps(command))
        return self._wait(event, start)

    def set(self, **settings) -> None:
        """Sets what `harness.model_server` names, which is in force when this returns."""
        self._ask("set", **settings)

    def report(self) -> dict:
        """Its `calls`, when the last of them `began`, and when the `failures` were answered, by the wall clock."""
        return self._ask("report", report=True)

    @property
    def calls(self) -> int:
        return self.report()["calls"]

    @property
    def failed(self) -> int:
        return len(self.report()["failures"])


class Load(BlockThreads):
    """Unary calls by several threads until the block ends, each with its own connection."""

    patience = 20

    def __init__(self, address: str, threads: int = 6, users: int = 300, timeout: float = 20):
        super().__init__(threads)
        self._address = address
        self._timeout = timeout
        self._users = users
        self._lock = threading.Lock()
        self.answered = 0
        self.failed = 0
        self.threads = threads

    def _run(self, index: int) -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(self._address, options=options) as channel:
            call = channel.unary_unary("/model.Service/Predict")
            while not self._stop.is_set():
                # Not for a secret.
                user = str(random.randrange(self._users))  # noqa: S311
                try:
                    call(b"", timeout=self._timeout, metadata=[("x-user", user)])
                    with self._lock:
                        self.answered += 1
                except grpc.RpcError:
                    with self._lock:
                        self.failed += 1
