"""How a deployment ends if it does not succeed."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """The exit status of scripts/deploy.sh."""

    DEPLOYED = 0
    #: A tool failed in a way that no other status covers.
    UNEXPECTED = 1
    #: Docker, curl, the admin token or the Proxy is missing or does not answer.
    NOT_READY = 2
    #: A deployment or an upgrade is running on this host.
    LOCKED = 3
    #: The new version did not become healthy on the idle color. Nothing was switched.
    NOT_HEALTHY = 4
    #: The new version is healthy but answers wrongly. Nothing was switched.
    SMOKE_FAILED = 5
    #: The Proxy refused to switch, or to begin a release. Nothing was switched.
    SWITCH_REFUSED = 6
    #: The new version failed after the switch, and the old one serves again; or its release was taken back.
    ROLLED_BACK = 7
    #: The new version failed after the switch, and so did the rollback, or what has become of its release is not known:
    #: a person has to look.
    ROLLBACK_FAILED = 8
    #: The idle color still has calls in flight, or gets some in another's release: replacing it would cut them off.
    #: Nothing was changed.
    STILL_DRAINING = 9
    USAGE = 64
    INTERRUPTED = 130
    TERMINATED = 143


class DeploymentFailure(Exception):
    """Ends a deployment with an exit status and one sentence that says why."""

    def __init__(self, code: ExitCode, message: str):
        super().__init__(message)
        self.code = code
