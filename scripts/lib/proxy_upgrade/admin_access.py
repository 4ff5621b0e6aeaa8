"""The admin API while its token may change."""

from __future__ import annotations

import contextlib
from typing import Callable, Protocol

from deployment.admin_client import TokenRefused

from .options import UpgradeFailure


class Admin(Protocol):
    def status(self) -> dict: ...


class AdminAccess:
    """Asks with each token that the file has had since this was made, the newest first.

    A Proxy takes the one that the file had when it was started, and the file may change at any moment.
    """

    def __init__(self, read: Callable[[], str | None], connect: Callable[[str | None], Admin]):
        """`read` raises UpgradeFailure if the file can't be read."""
        self._read = read
        self._connect = connect
        #: By token, the newest last.
        self._admins: dict[str | None, Admin] = {}

    def read(self) -> None:
        """Takes note of the token that the file has now. Raises UpgradeFailure."""
        token = self._read()
        # Somebody who writes the file may have emptied it first.
        if token or not self._admins:
            self._admins[token] = self._admins.pop(token, None) or self._connect(token)

    def status(self) -> dict:
        """Raises TokenRefused if none is taken, or another DeploymentFailure."""
        # A file that is being replaced may not be there at this moment.
        with contextlib.suppress(UpgradeFailure):
            self.read()
        refusal: TokenRefused | None = None
        for admin in reversed(list(self._admins.values())):
            try:
                return admin.status()
            except TokenRefused as error:
                refusal = refusal or error
        assert refusal is not None, "no token was read"
        raise refusal
