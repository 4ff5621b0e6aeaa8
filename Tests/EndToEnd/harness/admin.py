"""A client of the admin API."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field

from harness.process import eventually


@dataclass
class Answer:
    """An HTTP answer of the admin API."""

    status: int
    headers: dict[str, str]
    body: bytes
    json: object = field(default=None)

    @property
    def error(self) -> str:
        """The text of an error answer, which must be `{"error": …}`."""
        assert isinstance(self.json, dict) and isinstance(self.json.get("error"), str), self
        return self.json["error"]


class AdminClient:
    def __init__(self, address: str, token: str | None = None):
        self.address = address
        self.token = token

    def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, timeout: float = 40, body=None
    ) -> Answer:
        """Sends a request; any HTTP status is an answer, not an exception."""
        sent = dict(headers or {})
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        request = urllib.request.Request(f"http://{self.address}{path}", method=method, headers=sent, data=body)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return self._answer(response)
        except urllib.error.HTTPError as error:
            with error:
                return self._answer(error)

    @staticmethod
    def _answer(response) -> Answer:
        body = response.read()
        headers = {k.lower(): v for k, v in response.headers.items()}
        parsed = json.loads(body) if body and "json" in headers.get("content-type", "") else None
        return Answer(response.status, headers, body, parsed)

    def get(self, path: str, **options) -> Answer:
        return self.request("GET", path, **options)

    def post(self, path: str, **options) -> Answer:
        return self.request("POST", path, **options)

    def status(self) -> dict:
        answer = self.get("/status")
        assert answer.status == 200, answer
        return answer.json

    def switch(self, query: str = "", **options) -> dict:
        """Makes a switch, which must succeed; returns the receipt."""
        answer = self.post(f"/switch{query}", **options)
        assert answer.status == 200, answer
        return answer.json

    def rollback(self, query: str = "", **options) -> dict:
        answer = self.post(f"/rollback{query}", **options)
        assert answer.status == 200, answer
        return answer.json

    def wait_ready(self, timeout: float = 30) -> None:
        """Waits until the active color can take calls."""
        eventually(lambda: self.get("/readyz").status == 200, what="/readyz says 200", timeout=timeout)

    def wait_health(self, color: str, state: str, timeout: float = 30) -> dict:
        """Waits until `/status` reports a color as `healthy` or `unhealthy`; returns the color's part of it."""

        def check():
            found = self.status()["colors"][color]
            return found if found["state"] == state else None

        return eventually(check, what=f"{color} is {state}", timeout=timeout)

    def metrics(self) -> dict[str, list]:
        """All samples of `/metrics` by name, read by the Prometheus client's parser."""
        from prometheus_client.parser import text_string_to_metric_families

        answer = self.get("/metrics")
        assert answer.status == 200, answer
        found: dict[str, list] = {}
        for family in text_string_to_metric_families(answer.body.decode()):
            for sample in family.samples:
                found.setdefault(sample.name, []).append(sample)
        return found
