"""The Proxy's admin API."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

from .failure import DeploymentFailure, ExitCode

#: The time limit for the Proxy's answer to a change, in seconds: it may be restarting.
ANSWER_PATIENCE = 20.0


@dataclass
class Answer:
    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> str:
        """The error in a refusal."""
        try:
            return str(self.json["error"])
        except (ValueError, KeyError, TypeError):
            return self.text.strip() or f"HTTP {self.status}"


class TokenRefused(DeploymentFailure):
    """The admin API answers, and takes another token than this one."""

    def __init__(self, reason: str):
        super().__init__(ExitCode.NOT_READY, f"the admin API does not take the token: {reason}")


class AdminClient:
    def __init__(self, address: str, token: str | None):
        self.address = address
        self._token = token
        # The admin API is on this host, so a proxy from the environment must not be used.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def request(
        self, method: str, path: str, query: dict[str, str] | None = None, epoch: int | None = None, timeout: float = 5,
        body: object = None, headers: dict[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        """Sends one request. Any HTTP status is an answer; no answer at all is a failure with the status NOT_READY.

        `body` is sent as JSON, if there is one.
        """
        url = f"http://{self.address}{path}"
        if query:
            url += "?" + urllib.parse.urlencode(query)
        request = urllib.request.Request(url, method=method, headers=headers or {})
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        if epoch is not None:
            request.add_header("If-Match", f'"{epoch}"')
        try:
            with self._opener.open(request, timeout=timeout) as response:
                return Answer(response.status, response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode(errors="replace"))
        except (OSError, http.client.HTTPException) as error:
            raise DeploymentFailure(
                ExitCode.NOT_READY, f"the Proxy's admin API at {self.address} does not answer: {error}"
            ) from None

    def status(self) -> dict[str, Any]:
        """Raises TokenRefused, or another DeploymentFailure with the status NOT_READY."""
        answer = self.request("GET", "/status")
        if answer.status == 401 and self._token:
            raise TokenRefused(answer.error)
        if answer.status != 200:
            raise DeploymentFailure(ExitCode.NOT_READY, f"GET /status: HTTP {answer.status}: {answer.error}")
        return answer.json

    def metrics(self) -> str:
        answer = self.request("GET", "/metrics")
        if answer.status != 200:
            raise DeploymentFailure(ExitCode.NOT_READY, f"GET /metrics: HTTP {answer.status}: {answer.error}")
        return answer.text
