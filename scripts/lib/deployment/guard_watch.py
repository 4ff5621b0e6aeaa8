"""The watch of a version that the Proxy judges by itself: here its questions are asked."""

from __future__ import annotations

import time
from typing import Callable

from .failure import DeploymentFailure, ExitCode
from .options import Options
from .release import Release
from .release_run import ReleaseRun
from .verification import Verification


class GuardWatch:
    def __init__(self, options: Options, run: ReleaseRun, release: Release):
        """`release` is in its guard, or done."""
        self._options = options
        self._run = run
        self._release = release
        self._begun = time.monotonic()

    @property
    def is_over(self) -> bool:
        return not self._release.is_under_way

    def watch(self, verification: Verification, verify: Callable[[], None]) -> None:
        """Verifies once, and goes on asking until the guard is over. Raises DeploymentFailure, or ReleaseOver."""
        if self.is_over:
            verify()
        else:
            how_long = f"for {self._release.steps[-1].time}, and the Proxy judges it"
            with verification.watching(self._options.limits_beside, how_long) as look:
                verify()
                while (release := self._look()).is_under_way:
                    time.sleep(min(1.0, max(0.1, 1.0 if release.seconds_left is None else release.seconds_left)))
                    try:
                        look()
                    except DeploymentFailure as failure:
                        # The Proxy may be starting again, and goes on with the guard then.
                        if failure.code is not ExitCode.NOT_READY:
                            raise
            self._run.wait_for_calls_on(self._release.origin, self._begun + self._options.switch_timeout)

    def require_not_taken_back(self) -> None:
        """What has failed may have done so as the release was taken back: then raises ReleaseOver, which says why."""
        if not self.is_over:
            self._look()

    def _look(self) -> Release:
        self._release = self._run.look(self._release.to)
        return self._release
