"""The command line of scripts/upgrade.sh."""

from __future__ import annotations

import argparse
import enum
from dataclasses import dataclass
from pathlib import Path

from deployment.durations import duration, or_off, patience
from deployment.options import Parser, file, name


class ExitCode(enum.IntEnum):
    """The exit status of scripts/upgrade.sh."""

    UPGRADED = 0
    #: A tool failed in a way that no other status covers.
    UNEXPECTED = 1
    #: Docker, the image, the admin token or the Proxy is missing, the stack is not the one that its files describe or
    #: has no handover socket, or the log file cannot be opened.
    NOT_READY = 2
    #: A deployment or another upgrade is running on this host.
    LOCKED = 3
    #: The new container did not take over. The old one goes on as before.
    NOT_TAKEN_OVER = 4
    USAGE = 64
    INTERRUPTED = 130
    TERMINATED = 143


class UpgradeFailure(Exception):
    """Ends an upgrade with an exit status and one sentence that says why."""

    def __init__(self, code: ExitCode, message: str):
        super().__init__(message)
        self.code = code


_EPILOG = """\
The new container starts beside the old one and takes over its sockets, state, health and drains. The old one
finishes the calls that it has, however long they take, and its container is removed once it has ended. To go back,
run it with the image before. Running it again after an interruption is always safe: it goes by the containers that it
finds.

exit status:
  0    upgraded; the old container has ended, or --wait-streams says not to wait for it (any longer)
  2    Docker, the image, the admin token or the Proxy is missing, the running stack was made from other files than
       this one, it has no handover socket, or the log file cannot be opened
  3    a deployment or another upgrade runs on this host
  4    the new container did not take over; the old one goes on as before
  64   wrong arguments
  130, 143  interrupted or terminated; no call is lost, and running it again goes on from there
  1    anything else

Durations are 500ms, 30s or 2m.
"""


@dataclass
class Options:
    image: str
    pull: str
    timeout: float
    #: In seconds, 0 for not at all; None for as long as it takes.
    wait_streams: float | None
    lock_timeout: float
    log_file: Path


def parse(arguments: list[str], root: Path) -> Options:
    parser = Parser(
        prog="upgrade.sh",
        description="Replaces the Proxy of the running Compose stack by one from IMAGE, without losing a call.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "image", type=name, metavar="IMAGE", help="the new Proxy's image, such as ghcr.io/OWNER/NAME/proxy:1.2.3"
    )
    parser.add_argument("--pull", choices=["missing", "always", "never"], default="missing", help="default: missing")
    parser.add_argument(
        "--timeout", type=patience, default=60.0, metavar="TIME",
        help="how long the new container may take to take over (default: 60s)",
    )  # fmt: skip
    parser.add_argument(
        "--wait-streams", type=or_off(duration), default=None, metavar="TIME|off",
        help="how long to wait for the old container to finish its calls, which go on afterwards all the same; 0s "
        "for not at all, `off` for no limit (default: off)",
    )  # fmt: skip
    parser.add_argument(
        "--lock-timeout", type=duration, default=0.0, metavar="TIME",
        help="how long to wait for a deployment or another upgrade that is running (default: 0s)",
    )  # fmt: skip
    parser.add_argument(
        "--log-file", type=file, default=root / ".run/upgrade.log", help="default: .run/upgrade.log",
    )  # fmt: skip
    given = parser.parse_args(arguments)
    return Options(given.image, given.pull, given.timeout, given.wait_streams, given.lock_timeout, given.log_file)
