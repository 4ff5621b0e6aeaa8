"""What is left of a version that was taken back."""

from __future__ import annotations

from .admin_client import AdminClient
from .compose_stack import ComposeStack
from .failure import DeploymentFailure


def remains(stack: ComposeStack, admin: AdminClient, color: str) -> str:
    """Ends a sentence that begins with the version. Never fails."""
    try:
        names = [service.name for service in stack.services(color)]
        states = stack.states(names)
        down = ", ".join(f"{name} is {state}" for name, state in states.items() if state != "running")
        if down:
            return f"is down: {down}; `docker compose logs {' '.join(names)}` has its last words"
        if admin.status()["colors"][color]["state"] != "healthy":
            return f"still runs on {color}, but is not healthy; `docker compose logs {' '.join(names)}` has its log"
    except DeploymentFailure as error:
        return f"is idle now on {color}, in what state is not known: {error}"
    return f"stays up on {color} for a look"
