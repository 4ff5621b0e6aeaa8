"""The program behind scripts/upgrade.sh."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import NoReturn

from deployment.admin_client import AdminClient
from deployment.failure import DeploymentFailure
from deployment.held_stack import hold_stack
from deployment.step_log import StepLog
from deployment.terminal import Terminal

from .admin_access import AdminAccess
from .containers import Engine
from .options import ExitCode, Options, UpgradeFailure, parse
from .proxy_upgrade import ProxyUpgrade


class _Terminated(Exception):
    """The process received SIGTERM."""


def main() -> int:
    root = Path(__file__).resolve().parents[3]
    options = parse(sys.argv[1:], root)
    try:
        log = StepLog(options.log_file, Terminal())
    except OSError as error:
        print(f"upgrade.sh: the log file cannot be opened: {error}", file=sys.stderr)
        return int(ExitCode.NOT_READY)
    log.say("begin", f"upgrade the Proxy to {options.image}")

    def terminate(*_: object) -> NoReturn:
        raise _Terminated

    signal.signal(signal.SIGTERM, terminate)
    # A lost connection ends no upgrade: what can't be shown is in the log's file.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        _upgrade(options, root, log)
        code = ExitCode.UPGRADED
    except (UpgradeFailure, DeploymentFailure) as failure:
        code = failure.code
        log.say("end", f"exit {int(code)}: {failure}")
    except (KeyboardInterrupt, _Terminated) as error:
        code = ExitCode.TERMINATED if isinstance(error, _Terminated) else ExitCode.INTERRUPTED
        log.say("end", f"exit {int(code)}: interrupted; no call is lost, and running it again goes on from here")
    except Exception as error:  # Whatever it is, the log has to have it.
        code = ExitCode.UNEXPECTED
        log.say("end", f"exit {int(code)}: {type(error).__name__}: {error}")
    log.close()
    return int(code)


def _upgrade(options: Options, root: Path, log: StepLog) -> None:
    # The colors stay as they are, whatever they were made from.
    with hold_stack(root, log, f"upgrade to {options.image}", options.lock_timeout, replaces_colors=False) as held:
        engine = Engine(held.files, inherited=(held.descriptor,))

        def connect(token: str | None) -> AdminClient:
            return AdminClient(engine.proxy.admin_address, token)

        ProxyUpgrade(options, engine, AdminAccess(lambda: engine.token, connect), held.env, log).run()


if __name__ == "__main__":
    sys.exit(main())
