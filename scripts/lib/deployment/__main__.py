"""The program behind scripts/deploy.sh."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from .compose_stack import ComposeStack
from .deployment import Deployment
from .deployment_lock import DeploymentLock
from .env_file import EnvFile
from .failure import DeploymentFailure, ExitCode
from .journal import Journal
from .options import Options, parse
from .step_log import StepLog


class _Terminated(Exception):
    """The process received SIGTERM."""


def main() -> int:
    root = Path(__file__).resolve().parents[3]
    options = parse(sys.argv[1:], root)
    log = StepLog(options.log_file)
    log.say("begin", f"deploy {options.version}")

    def terminate(*_: object) -> NoReturn:
        raise _Terminated

    signal.signal(signal.SIGTERM, terminate)
    try:
        _deploy(options, root, log)
        code = ExitCode.DEPLOYED
    except DeploymentFailure as failure:
        code = failure.code
        log.say("end", f"exit {int(code)}: {failure}")
    except (KeyboardInterrupt, _Terminated) as error:
        code = ExitCode.TERMINATED if isinstance(error, _Terminated) else ExitCode.INTERRUPTED
        log.say("end", f"exit {int(code)}: interrupted; run the same command again to go on")
    except Exception as error:  # Whatever it is, the log has to have it.
        code = ExitCode.UNEXPECTED
        log.say("end", f"exit {int(code)}: {type(error).__name__}: {error}")
    if options.summary is not None:
        outcome = "deployed" if code is ExitCode.DEPLOYED else f"not deployed (exit {int(code)})"
        log.write_summary(options.summary, f"{options.version}: {outcome}")
    return int(code)


def _deploy(options: Options, root: Path, log: StepLog) -> None:
    _require_tools()
    state = root / ".run"
    lock = DeploymentLock(state / "deploy.lock")
    lock.acquire(f"deploy {options.version}", options.lock_timeout)
    stack = ComposeStack(root, inherited=(lock.descriptor,))
    token = stack.token_file()
    if token is None:
        raise DeploymentFailure(ExitCode.NOT_READY, "the stack has no secret admin-token with a file")
    if not token.exists() and token == root / "secrets/admin-token":
        subprocess.run([str(root / "scripts/secrets.sh")], check=True, stdout=subprocess.DEVNULL)
        log.say("secrets", f"made {token}")
    Deployment(options, stack, EnvFile(root / ".env"), Journal(state / "deploy-journal.json"), log, token).run()


def _require_tools() -> None:
    if shutil.which("docker") is None:
        raise DeploymentFailure(ExitCode.NOT_READY, "docker is not installed")
    if shutil.which("curl") is None:
        raise DeploymentFailure(ExitCode.NOT_READY, "curl is not installed")
    if "HTTP2" not in subprocess.run(["curl", "--version"], capture_output=True, text=True, check=False).stdout:
        raise DeploymentFailure(ExitCode.NOT_READY, "this curl does not speak HTTP/2, which the checks over gRPC need")


if __name__ == "__main__":
    sys.exit(main())
