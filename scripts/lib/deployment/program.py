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
from .detached_run import DetachedRun
from .failure import DeploymentFailure, ExitCode
from .held_stack import HeldStack, hold_stack
from .journal import Journal
from .options import Options, parse
from .questions import QuestionBook
from .step_log import StepLog
from .terminal import Terminal

_ROOT = Path(__file__).resolve().parents[3]


class _Terminated(BaseException):
    """The process received SIGTERM. No `except Exception` may take it for a fault of the version."""


def main(arguments: list[str]) -> int:
    options = parse(arguments, _ROOT)
    if isinstance(options, Options) and not options.is_detached:
        return deploy(arguments)
    run = DetachedRun(_ROOT / ".run")
    try:
        if isinstance(options, Options):
            # What would end the run at once is said here, where somebody reads it for certain.
            QuestionBook(options, _ROOT / "models")
            run.begin(arguments, options.name, options.lock_timeout)
        return run.follow(sys.stderr.buffer)
    except DeploymentFailure as failure:
        print(f"deploy.sh: {failure}", file=sys.stderr)
        return int(failure.code)
    except KeyboardInterrupt:
        print("the deployment goes on; deploy.sh --follow follows it again", file=sys.stderr)
        return int(ExitCode.INTERRUPTED)


def deploy(arguments: list[str]) -> int:
    """Deploys in this process; returns the exit status."""
    options = parse(arguments, _ROOT)
    assert isinstance(options, Options)
    try:
        log = StepLog(options.log_file, Terminal())
    except OSError as error:
        print(f"deploy.sh: the log file cannot be opened: {error}", file=sys.stderr)
        return int(ExitCode.NOT_READY)
    log.say("begin", f"deploy {options.version}")

    def terminate(*_: object) -> NoReturn:
        raise _Terminated

    signal.signal(signal.SIGTERM, terminate)
    # A version that was switched to must be watched, whether or not anybody reads along.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    code = _deploy_and_say(options, log)
    if options.summary is not None:
        outcome = "deployed" if code is ExitCode.DEPLOYED else f"not deployed (exit {int(code)})"
        try:
            log.write_summary(options.summary, f"{options.version}: {outcome}")
        except OSError as error:
            log.say("end", f"the summary cannot be written: {error}")
    log.close()
    return int(code)


def _deploy_and_say(options: Options, log: StepLog) -> ExitCode:
    deployment = None
    try:
        book = QuestionBook(options, _ROOT / "models")
        _require_curl()
        with hold_stack(_ROOT, log, f"deploy {options.version}", options.lock_timeout) as held:
            deployment = _prepare(options, log, book, held)
            deployment.run()
        return ExitCode.DEPLOYED
    except DeploymentFailure as failure:
        code = failure.code
        log.say("end", f"exit {int(code)}: {failure}")
    except (KeyboardInterrupt, _Terminated) as error:
        code = ExitCode.TERMINATED if isinstance(error, _Terminated) else ExitCode.INTERRUPTED
        state = "nothing has changed" if deployment is None else deployment.state
        log.say("end", f"exit {int(code)}: interrupted, and {state}; run the same command again to go on")
    except Exception as error:  # Whatever it is, the log has to have it.
        code = ExitCode.UNEXPECTED
        log.say("end", f"exit {int(code)}: {type(error).__name__}: {error}")
    return code


def _prepare(options: Options, log: StepLog, book: QuestionBook, held: HeldStack) -> Deployment:
    """Changes nothing but a token that nobody uses yet."""
    stack = ComposeStack(held.files, inherited=(held.descriptor,))
    token = _token(stack, log)
    journal = Journal(held.files.folder / ".run/deploy-journal.json")
    return Deployment(options, stack, held.env, journal, log, token, book)


def _token(stack: ComposeStack, log: StepLog) -> Path:
    token = stack.proxy().token_file
    if token is None:
        raise DeploymentFailure(ExitCode.NOT_READY, "the stack has no secret admin-token with a file")
    if token.is_file() and token.stat().st_size > 0:
        return token
    what = "is a folder, as Docker makes one where the file does not exist" if token.is_dir() else "is missing"
    if stack.is_proxy_running():
        raise DeploymentFailure(
            ExitCode.NOT_READY,
            f"the admin token {token} {what}, and the running Proxy takes the token that it was started with: put the "
            "file back; without a copy, stop the Proxy, make a new one with scripts/secrets.sh, and start the Proxy "
            "again",
        )
    if token == _ROOT / "secrets/admin-token":
        made = subprocess.run([str(_ROOT / "scripts/secrets.sh")], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise DeploymentFailure(ExitCode.NOT_READY, made.stderr.strip() or "scripts/secrets.sh failed")
        log.say("secrets", f"made {token}")
    elif token.is_dir():
        raise DeploymentFailure(
            ExitCode.NOT_READY, f"the admin token {token} {what}: remove the folder, and put the token in its place"
        )
    return token


def _require_curl() -> None:
    if shutil.which("curl") is None:
        raise DeploymentFailure(ExitCode.NOT_READY, "curl is not installed")
    if "HTTP2" not in subprocess.run(["curl", "--version"], capture_output=True, text=True, check=False).stdout:
        raise DeploymentFailure(ExitCode.NOT_READY, "this curl does not speak HTTP/2, which the checks over gRPC need")
