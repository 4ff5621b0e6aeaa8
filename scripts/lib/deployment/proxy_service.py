"""The Proxy in the configuration of a stack, as `docker compose config` shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - compared with, not listened on


def published(service: dict[str, Any], target: str | None) -> str | None:
    """The address on this host, HOST:PORT, at which a service publishes a port of its container."""
    for port in service.get("ports", []):
        if target is not None and str(port.get("target")) == str(target) and port.get("published"):
            host = port.get("host_ip") or "127.0.0.1"
            return f"{'127.0.0.1' if host == _EVERY_ADDRESS else host}:{port['published']}"
    return None


class ProxyService:
    """The Proxy's service, which may share the network of another one: that one publishes its ports then."""

    def __init__(self, configuration: dict[str, Any], name: str = "proxy"):
        self._configuration = configuration
        services = configuration["services"]
        self._service: dict[str, Any] = services.get(name, {})
        self.environment: dict[str, str] = self._service.get("environment") or {}
        mode = str(self._service.get("network_mode", ""))
        #: The service that holds its network; None if it has a network of its own.
        self.holder = mode.removeprefix("service:") if mode.startswith("service:") else None
        self._publisher = services.get(self.holder, self._service)

    @property
    def restart_policy(self) -> str:
        return str(self._service.get("restart", "no"))

    @property
    def address(self) -> str:
        """The Proxy's address on this host: HOST:PORT, preceded by https:// if it uses TLS."""
        address = self._published("SLUICE_LISTEN", "0.0.0.0:50050")
        return f"https://{address}" if self.environment.get("SLUICE_TLS_CERT") else address

    @property
    def admin_address(self) -> str:
        return self._published("SLUICE_ADMIN", "127.0.0.1:9901")

    def _published(self, setting: str, standard: str) -> str:
        port = self.environment.get(setting, standard).rpartition(":")[2]
        return published(self._publisher, port) or f"127.0.0.1:{port}"

    @property
    def token_file(self) -> Path | None:
        """The file of the secret that holds the admin token."""
        secret = self._configuration.get("secrets", {}).get("admin-token", {})
        return Path(secret["file"]) if "file" in secret else None
