"""The environment that tests run programs in."""

from __future__ import annotations

import os

#: What the Compose files, the scripts and the project's programs read.
_SETTINGS = (
    "SLUICE_", "COMPOSE_", "DEPLOY_", "BLUE_", "GREEN_", "COLOR_", "PROXY_", "NET_", "ADMIN_TOKEN_", "TLS_",
    "VERSION", "REVISION",
)  # fmt: skip


def clean_environment() -> dict[str, str]:
    """The surrounding environment without what would be settings of a stack: a test passes everything it needs."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
