"""The Proxy, as tests control it."""

import contextlib
import json
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.admin import AdminClient
from harness.process import BINARIES, ManagedProcess, eventually, run


def options(**settings: object) -> list[str]:
    """Flags from keyword arguments: `health_check="none"` is `--health-check none`; a list repeats the flag, and
    `failover=True` is `--failover`."""
    flags: list[str] = []
    for name, given in settings.items():
        if given is None:
            continue
        if given is True:
            flags.append("--" + name.replace("_", "-"))
            continue
        for one in given if isinstance(given, (list, tuple)) else [given]:
            flags += ["--" + name.replace("_", "-"), str(one)]
    return flags


def run_proxy(folder: Path, *flags: str, env: Mapping[str, str] | None = None, **settings):
    """Runs a Proxy that ends by itself, or `--check`: on free ports and with its files in `folder`, unless told
    otherwise."""
    given = {
        "listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "state_file": folder / "state.json",
        "audit_log": folder / "audit.jsonl", "access_log": "off",
    }
    return run([BINARIES / "Proxy", *flags, *options(**{**given, **settings})], env=env, cwd=folder)


class Proxy:
    """A running Proxy, which listens when the constructor returns.

    It listens on free ports of 127.0.0.1, has 2 workers, keeps its state in `folder`, and checks health every 100
    ms, unless `settings` say otherwise.
    """

    def __init__(
        self,
        folder: Path,
        *,
        blue: str | Sequence[str] | None,
        green: str | Sequence[str],
        token: str | None = None,
        **settings,
    ):
        self.folder = folder
        self.state_file = Path(settings.get("state_file", folder / "state.json"))
        self.audit_log = Path(settings.get("audit_log", folder / "audit.jsonl"))
        self.access_log = folder / "access.jsonl"
        self.settings = {
            "listen": "127.0.0.1:0",
            "admin": "127.0.0.1:0",
            "blue": blue if blue is None or isinstance(blue, str) else ",".join(blue),
            "green": green if isinstance(green, str) else ",".join(green),
            "workers": 2,
            "state_file": self.state_file,
            "audit_log": self.audit_log,
            "access_log": self.access_log,
            "health_interval": "100ms",
            "health_timeout": "5s",
            **settings,
        }
        self._token = token
        self.start()

    def start(self) -> None:
        """Starts the Proxy again after it has ended, with the same settings, state and ports."""
        self.process = ManagedProcess([BINARIES / "Proxy", *options(**self.settings)], name="Proxy")
        ready = self.process.wait_for_line(listening, what="the log line that says where it listens")
        #: The process that serves; another one than `process` after a restart.
        self.pid: int = ready["process"]
        self.address: str = ready["listen"]
        self.settings["listen"] = ready["listen"]
        self.settings["admin"] = ready["admin"]
        #: The address whose calls go to the color that isn't active; none unless `preview` is set.
        self.preview: str | None = ready.get("preview")
        if self.preview:
            self.settings["preview"] = self.preview
        self.admin = AdminClient(ready["admin"], token=self._token)

    def restart(self) -> int:
        """Makes a new process take over (SIGUSR2); returns the id of the process that it took over from, once it
        serves."""
        before, seen = self.pid, len(self.process.stderr)
        os.kill(before, signal.SIGUSR2)
        ready = self.process.wait_for_line(
            listening, what="the log line of the process that takes over", start=seen, timeout=60)
        assert ready["listen"] == self.address
        self.pid = ready["process"]
        assert self.pid != before
        # Only the new process may make changes now, but the old one has yet to be told.
        self.process.wait_for_line(
            lambda line: "another process has taken over" in line, what="the old process's word", start=seen)
        return before

    def wait_gone(self, pid: int, timeout: float = 30) -> None:
        """Waits until one of the Proxy's processes has ended; for the first one's exit code use `process.wait()`."""
        eventually(lambda: not is_running(pid), what=f"the end of process {pid}", timeout=timeout)

    def stop(self) -> int:
        return self.process.stop(timeout=40)

    def kill(self) -> None:
        """Kills the Proxy and every process that it has been restarted as."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()

    def load(self) -> tuple[int, int]:
        """The number of calls under way, and that of clients' connections."""
        status = self.admin.status()
        return (
            sum(entry["calls"] for entry in status["in_flight"]),
            sum(worker["client_connections"] for worker in status["workers"]),
        )

    def audit(self) -> list[dict]:
        """The audit log's lines so far."""
        return [json.loads(line) for line in self.audit_log.read_text().splitlines()]

    def accesses(self) -> list[dict]:
        """The access log's lines so far."""
        return [json.loads(line) for line in self.access_log.read_text().splitlines()]


def is_running(pid: int) -> bool:
    """Whether a process exists and has not ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def listening(line: str) -> dict | None:
    """The log record in `line` if it says where the Proxy listens."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if record.get("message") == "listening" else None
