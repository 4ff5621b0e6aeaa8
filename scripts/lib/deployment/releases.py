"""The Proxy's releases, by its admin API."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from .abilities import Abilities
from .admin_client import AdminClient, Answer, TokenRefused
from .canary_plan import CanaryPlan
from .failure import DeploymentFailure, ExitCode
from .release import Release


class Releases:
    """All of its methods raise DeploymentFailure with the status NOT_READY where the Proxy doesn't tell."""

    def __init__(self, admin: AdminClient, abilities: Abilities, token: Path):
        self._admin = admin
        self._abilities = abilities
        self._token = token

    def require(self, plan: CanaryPlan) -> None:
        """Raises DeploymentFailure with the status NOT_READY if the Proxy is older than what was asked for."""
        if _is_unknown(self._admin.request("GET", "/release")):
            what, options, them = "releases", "--canary, --shadow and --guard", "them"
        elif plan.guard is not None and not self._abilities.judges:
            what, options, them = "a guard", "--guard", "it"
        elif any(step.is_shadow for step in plan.steps) and not self._abilities.copies:
            what, options, them = "shadow steps", "--shadow", "it"
        else:
            return
        raise DeploymentFailure(
            ExitCode.NOT_READY,
            f"the running Proxy does not know {what}, which {options} need{'s' if them == 'it' else ''}: upgrade it "
            f"with scripts/upgrade.sh IMAGE, or deploy without {them}",
        )

    def newest(self) -> Release | None:
        """The release under way, or the last one; None if there has been none."""
        answer = self._admin.request("GET", "/release")
        if answer.status == 404:
            return None
        return Release.read(_checked("/release", answer).json)

    def under_way(self) -> Release | None:
        found = self.newest()
        return found if found is not None and found.is_under_way else None

    def find(self, number: int) -> Release | None:
        """The release of that number; None if the Proxy doesn't know it, or not any more."""
        newest = self.newest()
        if newest is None or newest.number == number:
            return newest
        bodies = _checked("/releases", self._admin.request("GET", "/releases")).json["releases"]
        found = next((release for release in map(Release.read, bodies) if release.number == number), None)
        return None if found is None else replace(found, is_newest=False)

    def begin(self, plan: CanaryPlan, to: str, reason: str, epoch: int, expect: str | None = None) -> Answer:
        """Asks for a release. The same again, after an answer that was lost, finds the one that has begun.

        The key has the epoch, which never comes again: the same version may be deployed again some day.
        """
        key = f"{reason} on {to} at epoch {epoch}"
        body = plan.body(to, reason, expect)
        return self._admin.request(
            "POST", "/release", epoch=epoch, body=body, headers={"Idempotency-Key": key}, timeout=15
        )

    def abort(self, reason: str) -> Answer:
        return self._admin.request("POST", "/release/abort", {"reason": reason[:500]}, timeout=15)

    def command(self, what: str) -> str:
        """The command line that has the release under way `resume`, `promote` or `abort`."""
        token = f'--header "Authorization: Bearer $(cat {shlex.quote(str(self._token))})"'
        return f"`curl --request POST {token} {self._admin.address}/release/{what}`"


def _is_unknown(answer: Answer) -> bool:
    """Whether the path itself is unknown; without a release, too, the status is 404."""
    return answer.status == 404 and answer.error.startswith("unknown path")


def _checked(path: str, answer: Answer) -> Answer:
    if answer.status == 401:
        raise TokenRefused(answer.error)
    if answer.status != 200:
        raise DeploymentFailure(ExitCode.NOT_READY, f"GET {path}: HTTP {answer.status}: {answer.error}")
    return answer
