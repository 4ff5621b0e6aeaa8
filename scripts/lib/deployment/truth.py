"""What the Proxy asks a color before it gives it calls: whether it is the version that it should be."""

from __future__ import annotations

from .abilities import Abilities
from .failure import DeploymentFailure, ExitCode
from .options import Options


class Truth:
    def __init__(self, options: Options, abilities: Abilities):
        self._options = options
        self._abilities = abilities

    def require(self) -> None:
        """Raises DeploymentFailure with the status NOT_READY if --expect asks for more than the Proxy can do."""
        if self._options.expect is not None and not self._is_known():
            raise DeploymentFailure(
                ExitCode.NOT_READY,
                "the running Proxy does not know --expect: upgrade it with scripts/upgrade.sh IMAGE, or deploy without "
                "it",
            )

    def expected(self, has_said_version: bool) -> str | None:
        """What the color has to say that it is; None for nothing.

        `has_said_version` is whether the new version was asked for its version before, and so is known to say it.
        """
        if self._options.is_expect_off:
            return None
        if self._options.expect is not None:
            return self._options.expect
        return self._options.version if has_said_version and self._is_known() else None

    def _is_known(self) -> bool:
        return self._abilities.takes_with_switch("expect")
