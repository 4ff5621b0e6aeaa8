"""The grpcio backend (`harness.echo_server`), as tests control it."""

import json
import sys
from pathlib import Path

from harness.process import ManagedProcess


class EchoBackend:
    """A running echo server, which listens when the constructor returns."""

    def __init__(self, name: str, port: int = 0, **options: object):
        """`options` are further flags: `tls_cert="x.pem"` is `--tls-cert x.pem`."""
        self.name = name
        self.process = ManagedProcess(
            [
                sys.executable, "-u", "-m", "harness.echo_server", "--name", name, "--port", str(port),
                *(word for key, value in options.items() for word in ("--" + key.replace("_", "-"), str(value))),
            ],
            name=f"backend {name}",
            cwd=Path(__file__).resolve().parents[1],
            # grpc's log lines about connections that tests break on purpose are noise.
            env={"GRPC_VERBOSITY": "NONE"},
        )
        self.port: int = self.wait_event("listening")["port"]
        self.address = f"127.0.0.1:{self.port}"

    def wait_event(self, event: str, timeout: float = 15, start: int = 0, **fields) -> dict:
        """Waits until the backend has reported an event with these fields, looking from line `start` of its output
        on."""

        def matches(line: str):
            record = json.loads(line)
            return record if {"event": event, **fields}.items() <= record.items() else None

        return self.process.wait_for_line(
            matches, what=f"event {event} {fields or ''}", stream="stdout", start=start, timeout=timeout
        )

    def wait_event_of(self, event: str, call_id: str, timeout: float = 15) -> dict:
        """Waits for the event of the call that carries this `x-call-id`."""

        def matches(line: str):
            record = json.loads(line)
            return record if record["event"] == event and ["x-call-id", call_id] in record.get("metadata", ()) else None

        return self.process.wait_for_line(matches, what=f"{event} of call {call_id}", stream="stdout", timeout=timeout)

    @property
    def position(self) -> int:
        """Number of events so far, to be passed as `start` to `wait_event`."""
        return len(self.process.stdout)

    def set_health(self, status: str) -> None:
        """Sets the health, `SERVING` or `NOT_SERVING`, which is in force when this returns."""
        start = self.position
        self.process.send_line(json.dumps({"health": status}))
        self.wait_event("health", status=status, start=start)

    def begin_stop(self, grace: float) -> None:
        """Begins grpcio's graceful stop: GOAWAY now, and `grace` seconds for the calls in flight."""
        self.process.send_line(json.dumps({"stop": grace}))

    def kill(self) -> None:
        self.process.kill()

    def close(self) -> None:
        self.process.kill()
