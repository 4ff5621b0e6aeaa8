"""The Proxy's admin API, with blue and green behind it, as far as a deployment asks."""

from __future__ import annotations

import json
import threading
import urllib.parse
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "the-token"  # noqa: S105 - of nothing real
STARTED_AT = "2026-01-01T00:00:00.000Z"


class FakeProxy:
    def __init__(self) -> None:
        self.active = "blue"
        self.epoch = 1
        self.who = "settings"
        self.is_alive = {"blue": True, "green": True}
        self.started_at = STARTED_AT
        self.started = {"blue": 0, "green": 0}
        #: Whether a call is counted: one that another program answers isn't.
        self.counts = lambda color: True
        #: Calls that clients have made: (color, grpc_code) -> count.
        self.finished: dict[tuple[str, str], int] = {}
        #: Whether /readyz is content, as where the Proxy fails over.
        self.is_always_ready = False
        #: Whether the answer to the next switch is lost.
        self.loses_answer = False
        #: What /metrics says in place of metrics.
        self.metrics: str | None = None
        #: Called after a switch.
        self.on_switch = lambda: None
        self.requests: list[str] = []
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            # Head and body go out together: the client would acknowledge the head alone late.
            wbufsize = -1

            def do_GET(self) -> None:
                proxy._answer(self)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, color: str, code: str = "OK") -> None:
        if not self.counts(color):
            return
        with self._lock:
            self.started[color] += 1
            self.finished[color, code] = self.finished.get((color, code), 0) + 1

    def change(self, to: str, who: str = "someone") -> dict:
        with self._lock:
            receipt = {"from": self.active, "to": to, "epoch": self.epoch + 1, "in_flight": 0}
            self.active, self.epoch, self.who = to, self.epoch + 1, who
        return receipt

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        url = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.requests.append(url.path)
        if url.path == "/readyz":
            status = 200 if self.is_alive[self.active] or self.is_always_ready else 503
            return self._send(handler, status, {} if status == 200 else {"error": f"{self.active} is not healthy"})
        if handler.headers["Authorization"] != f"Bearer {TOKEN}":
            return self._send(handler, 401, {"error": "the token is wrong"})
        if url.path == "/metrics":
            return self._send(handler, 200, self.metrics or self._metrics())
        if url.path == "/status":
            return self._send(handler, 200, self._status())
        if handler.headers["If-Match"] not in (None, f'"{self.epoch}"'):
            return self._send(handler, 412, {"error": "the epoch is another one"})
        if url.path == "/rollback":
            to = "green" if self.active == "blue" else "blue"
            if not self.is_alive[to]:
                return self._send(handler, 409, {"error": f"{to} is not healthy"})
            return self._send(handler, 200, self.change(to))
        receipt = self.change(query["to"])
        self.on_switch()
        if self.loses_answer:
            self.loses_answer = False
            handler.close_connection = True
            return None
        return self._send(handler, 200, receipt)

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, status: int, body: object) -> None:
        payload = (body if isinstance(body, str) else json.dumps(body)).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(payload)))
        handler.end_headers()
        handler.wfile.write(payload)

    def _metrics(self) -> str:
        return "".join(
            f'sluice_calls_total{{color="{color}",grpc_code="{code}"}} {count}\n'
            for (color, code), count in self.finished.items()
        )

    def _status(self) -> dict:
        now = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
        colors = {}
        for color in ("blue", "green"):
            state = "healthy" if self.is_alive[color] else "unhealthy"
            endpoint = {"endpoint": f"{color}:50051", "state": state, "last_check": now}
            if not self.is_alive[color]:
                endpoint["last_error"] = "connection refused"
            calls = {"started": self.started[color]}
            colors[color] = {"state": state, "in_flight": 0, "calls": calls, "endpoints": [endpoint]}
        return {
            "active": self.active, "epoch": self.epoch, "who": self.who, "colors": colors,
            "started_at": self.started_at, "version": "1.0.0",
        }  # fmt: skip
