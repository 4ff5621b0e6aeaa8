"""What the running Proxy can do, by its own description."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from .admin_client import AdminClient


class Abilities:
    def __init__(self, admin: AdminClient):
        self._admin = admin

    def takes_with_switch(self, parameter: str) -> bool:
        parameters = self._at("paths", "/switch", "post", "parameters")
        return isinstance(parameters, list) and any(
            isinstance(found, dict) and found.get("name") == parameter for found in parameters
        )

    @property
    def judges(self) -> bool:
        """Whether a release can have a guard, and limits."""
        return self.takes_with_switch("guard")

    @property
    def copies(self) -> bool:
        """Whether a release can have shadow steps."""
        steps = self._at("components", "schemas", "ReleasePlan", "properties", "steps", "items", "properties")
        return isinstance(steps, dict) and "shadow" in steps

    @cached_property
    def _description(self) -> Any:
        answer = self._admin.request("GET", "/openapi.json")
        try:
            return answer.json if answer.status == 200 else None
        except ValueError:
            return None

    def _at(self, *names: str) -> Any:
        found = self._description
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found
