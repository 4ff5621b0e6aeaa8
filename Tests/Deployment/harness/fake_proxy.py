"""The Proxy's admin API, with blue and green behind it, as far as a deployment asks."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .fake_release import FakeRelease

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
        #: Whether the answer to the next switch, or to the next request to begin a release, is lost.
        self.loses_answer = False
        #: What /metrics says in place of metrics.
        self.metrics: str | None = None
        #: Called after a switch.
        self.on_switch = lambda: None
        self.requests: list[str] = []
        #: Whether it is new enough to know them.
        self.knows_releases = True
        #: Whether it is new enough to ask a color for its version.
        self.knows_expect = True
        #: Whether it is new enough to judge a color, and to copy calls to it.
        self.knows_guard = self.knows_shadow = True
        #: Whether it was given --shadow-methods.
        self.has_shadow_methods = True
        #: What a color says that it is.
        self.says = lambda color: ""
        #: What each POST /switch and POST /release has expected.
        self.expected: list[str | None] = []
        #: Newest first.
        self.releases: list[FakeRelease] = []
        #: Calls a second during a release: on the new color, and on the old one.
        self.rates = (100.0, 900.0)
        #: What each POST /release has said: its Idempotency-Key and its If-Match.
        self.keys: list[tuple[str, str]] = []
        #: Called with a release that has begun, before the answer.
        self.on_release = lambda release: None
        #: Whether nothing is answered at all.
        self.is_silent = False
        #: Held while anything above is changed.
        self.lock = threading.RLock()
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
        with self.lock:
            self.started[color] += 1
            self.finished[color, code] = self.finished.get((color, code), 0) + 1

    def change(self, to: str, who: str = "someone") -> dict:
        with self.lock:
            receipt = {"changed": True, "from": self.active, "to": to, "epoch": self.epoch + 1, "in_flight": 0}
            self.active, self.epoch, self.who = to, self.epoch + 1, who
        return receipt

    # Releases

    @property
    def release(self) -> FakeRelease | None:
        """The one under way."""
        return self.releases[0] if self.releases and self.releases[0].is_under_way else None

    def begin(self, plan: dict, key: str | None = None, who: str = "admin-token") -> FakeRelease:
        with self.lock:
            release = FakeRelease(self.epoch + 1, plan, self.active, key, who)
            self.epoch += 1
            self.releases.insert(0, release)
            if release.is_in_guard:
                self._activate(release.plan["to"], release.who)
        threading.Thread(target=self._drive, args=(release,), daemon=True).start()
        return release

    def steer(self, command: str) -> str | None:
        """Why the command can't be followed; None if it was."""
        with self.lock:
            if self.release is None:
                return "no release is under way"
            release, steps = self.release, (len(self.release.records), self.release.is_under_way)
            if (problem := release.follow(command)) is not None:
                return problem
            if steps != (len(release.records), release.is_under_way):
                self._step(release)
            return None

    def _drive(self, release: FakeRelease) -> None:
        while True:
            with self.lock:
                if not release.is_under_way:
                    return
                if release.look(self.rates, all(self.is_alive.values())):
                    self._step(release)
            time.sleep(0.01)

    def find_worse(self, **evidence: object) -> None:
        """Takes the release back, as a guard that finds the new color to fail, or to do what else the evidence says."""
        with self.lock:
            release = self.release
            release.breach = {
                "signal": "failures", "method": "/a", "basis": "calls before", "new_calls": 9, "new_failures": 8,
                "old_calls": 100, "old_failures": 1, **evidence,
            }  # fmt: skip
            release.end("rolled_back")
            self._step(release)

    def _step(self, release: FakeRelease) -> None:
        if release.outcome == "done" and release.is_in_guard:
            return
        self.epoch += 1
        if release.outcome == "done" or (release.is_under_way and release.is_in_guard):
            self._activate(release.plan["to"], release.who)
        elif release.outcome is not None:
            self.active = release.origin

    def _activate(self, color: str, who: str) -> None:
        self.active, self.who = color, who
        self.on_switch()

    def _begin(self, handler: BaseHTTPRequestHandler) -> tuple[int, dict]:
        plan = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        key, epoch = handler.headers["Idempotency-Key"], handler.headers["If-Match"]
        self.keys.append((key, epoch))
        known = [release for release in self.releases if key is not None and release.key == key]
        if known and known[0].plan != plan:
            return 422, {"error": f"the Idempotency-Key is that of release {known[0].number}, which has another plan"}
        if not known:
            if epoch not in (None, f'"{self.epoch}"'):
                return 412, {"error": "the epoch is another one"}
            if self.release is not None:
                return 409, {"error": self._under_way}
            if (problem := self._is_not(plan["to"], plan.get("expect"))) is not None:
                return problem
            if not self.has_shadow_methods and any("shadow" in step for step in plan["steps"]):
                return 409, {"error": "a shadow step needs methods that may be copied, which --shadow-methods names"}
            if not self.is_alive[plan["to"]]:
                return 409, {"error": f"{plan['to']} is not healthy"}
            known = [self.begin(plan, key)]
            self.on_release(known[0])
        return 201, known[0].body(self.epoch)

    def _is_not(self, color: str, expected: str | None) -> tuple[int, dict] | None:
        """The refusal if a color isn't the version that is expected; None if it is."""
        self.expected.append(expected)
        if expected is None:
            return None
        if not self.knows_expect:
            return 400, {"error": 'unknown query parameter "expect"; allowed: to'}
        if self.says(color) == expected:
            return None
        return 409, {
            "error": f"{color} is not the expected {expected}: {color}:50051 says {self.says(color)} by a test"
        }

    @property
    def _description(self) -> dict:
        known = {"to": True, "expect": self.knows_expect, "guard": self.knows_guard and self.knows_releases}
        step = {"canary": {}, "for": {}, **({"shadow": {}} if self.knows_shadow else {})}
        plan = {"properties": {"steps": {"items": {"properties": step}}}}
        return {
            "paths": {
                "/switch": {"post": {"parameters": [{"name": name} for name, is_known in known.items() if is_known]}}
            },
            "components": {"schemas": {"ReleasePlan": plan}},
        }

    @property
    def _under_way(self) -> str:
        return f"release {self.release.number} is under way: promote, abort or roll it back first"

    def _answer_release(self, handler: BaseHTTPRequestHandler, path: str) -> tuple[int, dict]:
        if not self.knows_releases:
            return 404, {"error": f"unknown path {path}; known: /status, /switch"}
        if path == "/releases":
            return 200, {"releases": [release.body(self.epoch) for release in self.releases]}
        if handler.command == "POST":
            if path == "/release":
                return self._begin(handler)
            if (problem := self.steer(path.rpartition("/")[2])) is not None:
                return 409, {"error": problem}
        elif not self.releases:
            return 404, {"error": "there has been no release"}
        return 200, self.releases[0].body(self.epoch)

    # Answers

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        url = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.requests.append(url.path)
        if self.is_silent:
            handler.close_connection = True
            return None
        if url.path == "/readyz":
            status = 200 if self.is_alive[self.active] or self.is_always_ready else 503
            body = {"active": self.active} if status == 200 else {"error": f"{self.active} is not healthy"}
            return self._send(handler, status, body)
        if handler.headers["Authorization"] != f"Bearer {TOKEN}":
            return self._send(handler, 401, {"error": "the token is wrong"})
        if url.path == "/metrics":
            return self._send(handler, 200, self.metrics or self._metrics())
        if url.path == "/status":
            return self._send(handler, 200, self._status())
        if url.path == "/openapi.json":
            return self._send(handler, 200, self._description)
        if url.path == "/history":
            return self._send(handler, 200, {"changes": []})
        if url.path.startswith("/release"):
            with self.lock:
                answer = self._answer_release(handler, url.path)
            if self.loses_answer and handler.command == "POST":
                self.loses_answer = False
                handler.close_connection = True
                return None
            return self._send(handler, *answer)
        if handler.headers["If-Match"] not in (None, f'"{self.epoch}"'):
            return self._send(handler, 412, {"error": "the epoch is another one"})
        if url.path == "/rollback":
            if (release := self.release) is not None:
                self.steer("abort")
                receipt = {"from": release.plan["to"], "to": release.origin, "epoch": self.epoch, "in_flight": 0}
                return self._send(handler, 200, {**receipt, "changed": True})
            to = "green" if self.active == "blue" else "blue"
            if not self.is_alive[to]:
                return self._send(handler, 409, {"error": f"{to} is not healthy"})
            return self._send(handler, 200, self.change(to))
        if self.release is not None:
            return self._send(handler, 409, {"error": self._under_way})
        if (problem := self._is_not(query["to"], query.get("expect"))) is not None:
            return self._send(handler, *problem)
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
