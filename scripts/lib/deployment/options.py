"""The command line of scripts/deploy.sh."""

from __future__ import annotations

import argparse
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, Union

from .canary_plan import (
    CanaryPlan,
    canary_steps,
    guard_time,
    percentage,
    require_few,
    shadow_steps,
    watch_as_guard,
)
from .durations import duration, or_off, patience
from .failure import ExitCode
from .watch import Limits

#: The old version's calls are those from before the host had to start another one.
_MARGIN_AFTER_A_START = 2.0

_EPILOG = """\
exit status:
  0    deployed, or VERSION was active already and does well
  2    Docker, curl, an image, the admin token or the Proxy is missing or does not answer, the Proxy is too old for
       --canary, --guard, --shadow or --expect, the running stack was made from other files than this one, or the log
       file cannot be opened; nothing was changed
  3    a deployment or an upgrade runs on this host
  4    the new version did not become healthy; nothing was switched
  5    the new version answered the smoke test wrongly; nothing was switched
  6    the Proxy refused to switch, or to begin the release; nothing was switched
  7    the new version failed after the switch, and the old one serves again; or its release was taken back (by
       somebody, by the Proxy, which found it worse, for want of calls, or at the end of --pause-timeout), and no new
       call goes to the new version
  8    the new version failed after the switch, and going back failed or was not possible, or what has become of its
       release is not known: a person has to look
  9    the idle color still has calls in flight, or gets some in a release of another deployment; nothing was changed
  64   wrong arguments, smoke cases that cannot be read, or a smoke command that cannot be run; nothing was changed
  130, 143  interrupted or terminated; run the same command again to go on
  1    anything else

Where it stops with 4, 5 or 6, the idle color runs again what it ran before. Durations are 500ms, 30s or 2m.

The smoke command gets in its environment: DEPLOY_STAGE (idle before the switch; active after it; rolled-back after a
rollback), DEPLOY_COLOR, DEPLOY_VERSION, DEPLOY_EXPECTED_VERSION (the version that has to answer), DEPLOY_ADDRESSES
(gRPC, HOST:PORT, comma-separated; the Proxy's after the switch), DEPLOY_HTTP_ADDRESSES (may be empty), and DEPLOY_TLS
(on or off).
Exit status 0 is good; the last line of its output is the reason that is shown.
"""


@dataclass
class Options:
    version: str
    image: str | None
    proxy_image: str | None
    pull: str
    build: bool
    health_timeout: float
    drain_timeout: float
    switch_timeout: float
    watch: float
    #: What this script judges by, where it watches by itself.
    limits: Limits
    #: What it judges by beside the Proxy's guard: limits that were given, and that the Proxy can't take.
    limits_beside: Limits
    #: The steps of a release, and its guard, as they were asked for; None for a switch.
    canary: CanaryPlan | None
    #: The same for a Proxy that can judge, with the watch as its guard and the limits that were given.
    judged: CanaryPlan | None
    #: How long a release may be paused; None for no limit.
    pause_timeout: float | None
    lock_timeout: float
    #: None for the cases beside the model.
    smoke_file: Path | None
    #: Neither these nor those are wanted.
    is_smoke_off: bool
    smoke_command: str | None
    smoke_timeout: float
    #: What the new color has to say that it is before it gets calls; None for VERSION where that is known to be said.
    expect: str | None
    #: Nothing of the kind is wanted.
    is_expect_off: bool
    log_file: Path
    summary: Path | None
    is_detached: bool
    #: What a detached run is called; a second one of that name follows it.
    name: str | None


@dataclass
class Follow:
    """`--follow`: no deployment of its own."""


class Parser(argparse.ArgumentParser):
    """Ends with USAGE, and one line behind the usage, for arguments that it doesn't understand."""

    def error(self, message: str) -> NoReturn:
        self.print_usage()
        self.exit(ExitCode.USAGE, f"{self.prog}: {message}\n")


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number such as 20")
    return int(text)


def name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; was a variable meant that is not set?")
    return text


def file(text: str) -> Path:
    return Path(name(text))


def _version(text: str) -> str:
    # It becomes part of a path in the container.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a version such as v1.1.0")
    return text


def expectation(text: str) -> str:
    """VERSION or MODEL@VERSION, as the Proxy takes it."""
    model, at, version = text.rpartition("@")
    if not version or (at and not model) or len(text.encode()) > 200 or re.search(r"[\s\x00-\x1f\x7f-\x9f]", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a version such as v1.1.0, or a model's such as iris@2")
    return text


def _share(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", text)
    value = float(match.group(1)) / (100 if match.group(2) else 1) if match else -1
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share such as 0.01 or 1%")
    return value


def _agreement(text: str) -> str:
    if (percent := percentage(_share(text))) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0.01% to 99.99%, with two decimals at most")
    return percent


def _factor(text: str) -> float:
    value = float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else 0
    if not 1 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a factor from 1 to 100, such as 1.5")
    return value


def _paths(text: str) -> list[str]:
    paths = [path.strip() for path in text.split(",")]
    if not all(paths) or len(paths) > 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of paths such as model_version,outputs[*].name")
    return paths


def _distance(text: str) -> float:
    value = float(text) if re.fullmatch(r"\d+(\.\d+)?([eE][+-]?\d+)?", text) else math.inf
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a distance such as 0.001")
    return value


def parse(arguments: list[str], root: Path) -> Union[Options, Follow]:
    parser = Parser(
        prog="deploy.sh",
        description="Deploys a version of a service blue-green: brings it up on the idle color, checks it there, "
        "switches the Proxy to it, watches it, and goes back by itself if it does badly.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("version", type=_version, metavar="VERSION", nargs="?", help="its version, such as v1.1.0")
    parser.add_argument(
        "--image", type=name, help="image of the new version; without it, the one that the active color runs"
    )
    parser.add_argument(
        "--proxy-image", type=name, metavar="IMAGE",
        help="image of the Proxy for a stack that is not up yet; a running Proxy is left as it is",
    )  # fmt: skip
    parser.add_argument("--pull", choices=["missing", "always", "never"], help="when to pull the image (missing)")
    parser.add_argument(
        "--build", action="store_true", help="build the image from this checkout first, in place of pulling it"
    )
    parser.add_argument(
        "--health-timeout",
        type=patience,
        default=60,
        metavar="TIME",
        help="for the new version to become healthy (60s)",
    )
    parser.add_argument(
        "--drain-timeout", type=duration, default=60, metavar="TIME",
        help="for calls that an earlier switch left on the idle color to end, before it is replaced (60s)",
    )  # fmt: skip
    parser.add_argument(
        "--switch-timeout", type=duration, default=30, metavar="TIME",
        help="for calls on the old color to end after the switch; those left go on (30s)",
    )  # fmt: skip
    parser.add_argument(
        "--watch", type=duration, metavar="TIME",
        help="how long to watch the new version: the questions are asked again and again, and the Proxy judges it by "
        "what the old one served before, and goes back by itself, as with --guard (60s); with a Proxy that is too old "
        "for it, this script goes by the three limits that follow",
    )  # fmt: skip
    parser.add_argument(
        "--max-error-share", type=_share, metavar="SHARE",
        help="of calls that may fail, whatever the old version's do (none in the Proxy, 1%% with one that is too old)",
    )  # fmt: skip
    parser.add_argument(
        "--max-p99", type=or_off(patience), default=argparse.SUPPRESS, metavar="TIME",
        help="99 %% of calls must be faster, in the Proxy to their first byte; `off` for no limit (none in the Proxy, "
        "2.5s with one that is too old)",
    )  # fmt: skip
    parser.add_argument(
        "--latency-margin", type=_factor, metavar="FACTOR",
        help="by which the Proxy lets the new version be slower than the old one (1.25 with --canary; else 2, as "
        "the old version's calls are those from before the host had to start another one)",
    )  # fmt: skip
    parser.add_argument(
        "--min-calls",
        type=_count,
        metavar="N",
        help="calls that these limits need (20); with --canary, --shadow or --guard the same as --canary-min-calls",
    )
    parser.add_argument(
        "--shadow", type=shadow_steps, metavar="STEPS",
        help="in place of the switch a release, which first copies a share of the calls to the new version and "
        "compares its answers with the old one's, such as 10%%:30s; the Proxy needs --shadow-methods for it",
    )  # fmt: skip
    parser.add_argument(
        "--min-agreement", type=_agreement, metavar="SHARE",
        help="of the answers compared; the release is taken back if fewer agree, such as 99%% (none)",
    )  # fmt: skip
    parser.add_argument(
        "--ignore", type=_paths, metavar="PATHS",
        help="what may differ in the answers, such as model_version,outputs[*].name",
    )  # fmt: skip
    parser.add_argument(
        "--tolerance", type=_distance, metavar="NUMBER", help="at which distance two numbers are equal (0.000001)"
    )
    parser.add_argument(
        "--canary", type=canary_steps, metavar="STEPS",
        help="in place of the switch a release, which gives the new version a share of the calls, step by step, and "
        "then all of them, such as 5%%:60s,25%%:60s; it goes on in the Proxy if this script ends, and the same "
        "command again follows it",
    )  # fmt: skip
    parser.add_argument(
        "--guard", type=guard_time, metavar="TIME",
        help="the same as --watch, in the Proxy or not at all: it wins over --watch, and a release without enough "
        "calls pauses",
    )  # fmt: skip
    parser.add_argument(
        "--canary-min-calls", type=_count, metavar="N",
        help="calls that the new version needs in a step, or in the guard, before it is over; in a shadow step, "
        "answers that were compared (20)",
    )  # fmt: skip
    parser.add_argument(
        "--canary-no-data", choices=["pause", "continue", "abort"], help="what happens without them (pause)"
    )
    parser.add_argument(
        "--pause-timeout", type=or_off(patience), default=600, metavar="TIME",
        help="take a release back that is paused for so long; `off` waits for somebody (10m)",
    )  # fmt: skip
    parser.add_argument(
        "--lock-timeout",
        type=duration,
        default=0,
        metavar="TIME",
        help="wait so long for another deployment, or an upgrade, to end (0s)",
    )
    parser.add_argument(
        "--smoke", type=name, metavar="FILE|none",
        help="requests with their known answers; with none, nothing is asked but the smoke command (models/VERSION/"
        "smoke.json, if it is there, the service is the Predictor and there is no --smoke-command)",
    )  # fmt: skip
    parser.add_argument(
        "--expect", type=expectation, metavar="VERSION|MODEL@VERSION|off",
        help="what the new color has to say that it is, to the Proxy, before it gets any calls (VERSION, if smoke "
        "cases were answered by it, and nothing otherwise)",
    )  # fmt: skip
    parser.add_argument(
        "--smoke-command", type=name, metavar="CMD",
        help="a program that says by its exit status whether the version is good; no shell reads CMD",
    )  # fmt: skip
    parser.add_argument(
        "--smoke-timeout", type=patience, default=60, metavar="TIME", help="for the smoke command to end (60s)"
    )
    parser.add_argument(
        "--detach", action="store_true",
        help="deploy in a session of its own, which a lost connection does not end, and follow it",
    )  # fmt: skip
    parser.add_argument(
        "--name", type=_version,
        help="with --detach, what the run is called: the same command again follows the run of that name, be it under "
        "way or ended, in place of beginning another",
    )  # fmt: skip
    parser.add_argument(
        "--follow", action="store_true",
        help="follow the last run that was begun with --detach, and end with its exit status",
    )  # fmt: skip
    parser.add_argument("--log", type=file, default=root / ".run/deploy.log", metavar="FILE", help=".run/deploy.log")
    parser.add_argument("--summary", type=file, metavar="FILE", help="append the run to FILE as Markdown tables")
    found = parser.parse_args(arguments)
    if found.follow:
        if len(arguments) > 1:
            parser.error("--follow goes without anything else")
        return Follow()
    if found.version is None:
        parser.error("a VERSION is needed")
    if found.name is not None and not found.detach:
        parser.error("--name goes with --detach")
    if found.build and found.pull is not None:
        parser.error("--pull goes without --build, which makes the image here")
    is_release = any(given is not None for given in (found.canary, found.shadow, found.guard))
    for option in ("min_calls", "no_data"):
        if not is_release and getattr(found, f"canary_{option}") is not None:
            parser.error(f"--canary-{option.replace('_', '-')} goes with --canary, --shadow or --guard")
    for option in ("min_agreement", "ignore", "tolerance"):
        if found.shadow is None and getattr(found, option) is not None:
            parser.error(f"--{option.replace('_', '-')} goes with --shadow")
    steps = (found.shadow or []) + (found.canary or [])
    try:
        require_few(steps)
    except argparse.ArgumentTypeError as error:
        parser.error(str(error))
    canary = None
    if is_release:
        canary = CanaryPlan(
            steps, found.canary_min_calls, found.canary_no_data, found.guard, limits=_comparison_limits(found)
        )
    watch = found.watch if found.watch is not None else 60 if found.guard is None else 0
    passed_on, beside = _given_limits(found)
    is_off = found.smoke == "none"
    smoke_file = None if found.smoke is None or is_off else Path(found.smoke)
    return Options(
        version=found.version, image=found.image, proxy_image=found.proxy_image, pull=found.pull or "missing",
        build=found.build,
        health_timeout=found.health_timeout, drain_timeout=found.drain_timeout, switch_timeout=found.switch_timeout,
        watch=watch, limits=_limits(found), limits_beside=beside,
        canary=canary, judged=_judged(canary, watch, found.min_calls, passed_on), pause_timeout=found.pause_timeout,
        lock_timeout=found.lock_timeout, smoke_file=smoke_file, is_smoke_off=is_off, smoke_command=found.smoke_command,
        smoke_timeout=found.smoke_timeout, expect=None if found.expect == "off" else found.expect,
        is_expect_off=found.expect == "off", log_file=found.log, summary=found.summary, is_detached=found.detach,
        name=found.name,
    )  # fmt: skip


def _limits(found: argparse.Namespace) -> Limits:
    share = 0.01 if found.max_error_share is None else found.max_error_share
    return Limits(share, getattr(found, "max_p99", 2.5), 20 if found.min_calls is None else found.min_calls)


def _given_limits(found: argparse.Namespace) -> tuple[dict[str, Any], Limits]:
    """Those of the limits that were given which the Proxy takes, and the other ones."""
    passed_on: dict[str, Any] = {}
    beside = replace(_limits(found), error_share=1.0, p99=None)
    share, p99 = found.max_error_share, getattr(found, "max_p99", None)
    if share is not None and (percent := percentage(share)) is not None:
        passed_on["max_error_share"] = percent
    elif share is not None:
        beside.error_share = share
    if p99 is not None and 0.001 <= p99 <= 60:
        passed_on["max_p99"] = f"{p99 * 1000:g}ms"
    else:
        beside.p99 = p99
    if found.latency_margin is not None:
        passed_on["latency_margin"] = found.latency_margin
    elif found.canary is None:
        passed_on["latency_margin"] = _MARGIN_AFTER_A_START
    return passed_on, beside


def _comparison_limits(found: argparse.Namespace) -> dict[str, Any]:
    given = {
        "min_agreement": found.min_agreement, "ignore": found.ignore,
        "tolerance": None if found.tolerance is None else {"absolute": found.tolerance},
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def _judged(
    canary: CanaryPlan | None, watch: float, min_calls: int | None, limits: dict[str, Any]
) -> CanaryPlan | None:
    """The release that a Proxy is asked for which can judge the new version."""
    guard = watch_as_guard(watch)
    if canary is None:
        # A host without calls has to be deployed to as well.
        return None if guard is None else CanaryPlan([], min_calls, "continue", guard, limits, is_watch=True)
    plan = replace(canary, limits={**limits, **canary.limits})
    if plan.min_calls is None:
        plan.min_calls = min_calls
    if plan.guard is None and guard is not None:
        plan.guard, plan.is_watch = guard, True
    return plan
