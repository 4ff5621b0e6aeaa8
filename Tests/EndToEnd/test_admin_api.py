"""The admin API: every endpoint, its receipts, and its errors."""

import json
import queue
import threading
import time
from datetime import datetime, timezone

import pytest

from harness.process import eventually

ENDPOINTS = {
    "/switch": "POST", "/rollback": "POST", "/status": "GET", "/healthz": "GET", "/readyz": "GET", "/history": "GET",
    "/metrics": "GET",
}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


class OpenStream:
    """A bidirectional call in flight, ended by `end`."""

    def __init__(self, channel):
        self._outgoing: queue.Queue = queue.Queue()
        self.call = channel.stream_stream("/echo.Echo/LongStream")(iter(self._outgoing.get, None), timeout=60)
        self._seq = 0

    def exchange(self) -> dict:
        """Sends one message and waits for its answer."""
        self._outgoing.put(json.dumps({"seq": self._seq}).encode())
        answer = json.loads(next(self.call))
        assert answer["seq"] == self._seq
        self._seq += 1
        return answer

    def end(self) -> None:
        self._outgoing.put(None)
        assert list(self.call) == []


def test_switch_and_rollback(proxy, channel):
    def answered_by() -> str:
        return json.loads(channel.unary_unary("/echo.Echo/Describe")(b"", timeout=15))["backend"]

    assert answered_by() == "blue"
    before = datetime.now(timezone.utc)
    receipt = proxy.admin.switch()
    assert answered_by() == "green"
    assert receipt["action"] == "switch"
    assert (receipt["epoch"], receipt["from"], receipt["to"]) == (2, "blue", "green")
    assert receipt["changed"] is True
    assert receipt["forced"] is False
    assert receipt["in_flight"] == 0
    assert receipt["health"]["color"] == "green"
    assert receipt["health"]["state"] == "healthy"
    assert receipt["health"]["endpoints"][0]["state"] == "healthy"
    assert receipt["health"]["endpoints"][0]["last_check"]
    assert receipt["who"] == "127.0.0.1"
    assert abs((moment(receipt["at"]) - before).total_seconds()) < 30

    receipt = proxy.admin.rollback()
    assert answered_by() == "blue"
    assert receipt["action"] == "rollback"
    assert (receipt["epoch"], receipt["from"], receipt["to"]) == (3, "green", "blue")


def test_switch_to_a_named_color(proxy):
    assert proxy.admin.switch("?to=green")["epoch"] == 2
    unchanged = proxy.admin.switch("?to=green")
    assert unchanged["changed"] is False
    assert (unchanged["epoch"], unchanged["to"]) == (2, "green")
    assert proxy.admin.status()["epoch"] == 2
    assert proxy.admin.switch("?to=blue")["epoch"] == 3


def test_rollback_with_nothing_to_go_back_to(proxy):
    answer = proxy.admin.post("/rollback")
    assert answer.status == 409
    assert answer.error
    assert proxy.admin.status()["epoch"] == 1
    assert proxy.audit()[-1]["outcome"] == "refused"


def test_status(proxy, channel, blue, green):
    for _ in range(3):
        channel.unary_unary("/echo.Echo/Unary")(b"12345", timeout=15)
    stream = OpenStream(channel)
    stream.exchange()
    status = eventually(
        lambda: (s := proxy.admin.status()) and s["colors"]["blue"]["calls"]["finished"] == 3 and s,
        what="three calls are counted as finished",
    )
    assert (status["active"], status["epoch"], status["previous"] if "previous" in status else None) == (
        "blue", 1, None,
    )
    assert moment(status["since"]) <= datetime.now(timezone.utc)
    assert status["stopping"] is False
    assert status["colors"]["blue"]["active"] is True
    assert status["colors"]["green"]["active"] is False
    assert [e["endpoint"] for e in status["colors"]["blue"]["endpoints"]] == [blue.address]
    assert [e["endpoint"] for e in status["colors"]["green"]["endpoints"]] == [green.address]
    assert status["colors"]["blue"]["in_flight"] == 1
    assert status["colors"]["green"]["in_flight"] == 0
    assert status["in_flight"] == [{"epoch": 1, "color": "blue", "calls": 1}]
    assert status["colors"]["blue"]["calls"]["started"] == 4
    assert status["colors"]["blue"]["calls"]["grpc_codes"] == {"OK": 3}
    assert status["colors"]["blue"]["calls"]["failed_by_proxy"] == 0
    assert status["colors"]["blue"]["bytes_up"] >= 3 * 10
    assert status["colors"]["blue"]["bytes_down"] >= 3 * 10
    assert status["colors"]["green"]["calls"]["started"] == 0
    assert sum(w["client_connections"] for w in status["workers"]) == 1
    stream.end()


def test_calls_in_flight_on_the_old_color_are_in_the_receipt(proxy, channel):
    streams = [OpenStream(channel) for _ in range(3)]
    for stream in streams:
        assert stream.exchange()["backend"] == "blue"
    receipt = proxy.admin.switch()
    assert receipt["in_flight"] == 3
    assert proxy.admin.status()["in_flight"] == [{"epoch": 1, "color": "blue", "calls": 3}]
    for stream in streams:
        assert stream.exchange()["backend"] == "blue"
        stream.end()
    eventually(lambda: proxy.admin.status()["colors"]["blue"]["in_flight"] == 0, what="blue is empty")


def test_wait_drained_answers_when_the_last_stream_has_ended(proxy, channel):
    stream = OpenStream(channel)
    stream.exchange()
    answers: list[dict] = []
    waiter = threading.Thread(target=lambda: answers.append(proxy.admin.switch("?wait=drained&timeout=30s")))
    waiter.start()
    eventually(lambda: proxy.admin.status()["active"] == "green", what="the switch is made")
    assert stream.exchange()["backend"] == "blue"
    # The wait holds up neither the change nor another one.
    assert proxy.admin.switch("?to=green")["changed"] is False
    assert answers == []
    stream.end()
    waiter.join(15)
    assert not waiter.is_alive()
    (receipt,) = answers
    assert receipt["in_flight"] == 0
    assert receipt["drained"] is True
    assert (receipt["from"], receipt["to"]) == ("blue", "green")


def test_wait_drained_gives_up_after_its_timeout(proxy, channel):
    stream = OpenStream(channel)
    stream.exchange()
    began = time.monotonic()
    answer = proxy.admin.post("/switch?wait=drained&timeout=300ms")
    assert time.monotonic() - began >= 0.3
    assert answer.status == 202
    assert answer.json["drained"] is False
    assert answer.json["in_flight"] == 1
    assert answer.json["to"] == "green"
    assert stream.exchange()["backend"] == "blue"
    stream.end()


def test_if_match(proxy):
    assert proxy.admin.post("/switch", headers={"If-Match": "7"}).status == 412
    assert proxy.admin.post("/switch", headers={"If-Match": '"7"'}).status == 412
    status = proxy.admin.status()
    assert (status["active"], status["epoch"]) == ("blue", 1)
    answer = proxy.admin.post("/switch", headers={"If-Match": "1"})
    assert answer.status == 200
    assert answer.headers["etag"] == '"2"'
    assert proxy.admin.post("/switch", headers={"If-Match": answer.headers["etag"]}).status == 200
    refused = proxy.admin.post("/rollback", headers={"If-Match": '"2"'})
    assert refused.status == 412
    assert "3" in refused.error
    assert proxy.admin.post("/rollback", headers={"If-Match": "*"}).status == 200
    malformed = proxy.admin.post("/switch", headers={"If-Match": "two"})
    assert malformed.status == 400 and malformed.error


def test_concurrent_changes_are_made_one_after_the_other(proxy):
    """32 toggles at once: all are made, each based on the one before."""
    receipts: list[dict] = []
    start = threading.Barrier(32)

    def toggle():
        start.wait(30)
        receipts.append(proxy.admin.switch())

    threads = [threading.Thread(target=toggle) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    receipts.sort(key=lambda receipt: receipt["epoch"])
    assert [r["epoch"] for r in receipts] == list(range(2, 34))
    colors = ["blue", "green"]
    for i, receipt in enumerate(receipts):
        assert (receipt["from"], receipt["to"]) == (colors[i % 2], colors[(i + 1) % 2])
    assert proxy.admin.status()["epoch"] == 33


def test_concurrent_conditional_changes_let_one_win(proxy):
    statuses: list[int] = []
    start = threading.Barrier(8)

    def change():
        start.wait(30)
        statuses.append(proxy.admin.post("/switch", headers={"If-Match": "1"}).status)

    threads = [threading.Thread(target=change) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(statuses) == [200] + [412] * 7


def test_history_has_the_last_changes_newest_first(proxy):
    proxy.admin.switch("?reason=release%20day")
    proxy.admin.rollback()
    proxy.admin.switch("?to=blue")  # changes nothing
    changes = proxy.admin.get("/history").json["changes"]
    assert [(c["epoch"], c["action"], c.get("from"), c["to"]) for c in changes] == [
        (3, "rollback", "green", "blue"), (2, "switch", "blue", "green"), (1, "initial", None, "blue"),
    ]
    assert changes[1]["reason"] == "release day"
    assert moment(changes[0]["at"]) >= moment(changes[1]["at"])
    assert len(proxy.admin.get("/history?limit=1").json["changes"]) == 1


def test_audit_log_has_a_line_for_every_change_and_every_refusal(proxy):
    proxy.admin.switch("?reason=because")
    proxy.admin.switch("?to=green")
    proxy.admin.post("/switch", headers={"If-Match": "99"})
    proxy.admin.rollback()
    text = proxy.audit_log.read_text()
    assert text.endswith("\n")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [
        (line["epoch"], line["action"], line.get("from"), line.get("to"), line["outcome"]) for line in lines[-4:]
    ] == [
        (2, "switch", "blue", "green", "changed"),
        (2, "switch", "green", "green", "unchanged"),
        (2, "switch", "green", "blue", "refused"),
        (3, "rollback", "green", "blue", "changed"),
    ]
    assert lines[-4]["reason"] == "because"
    for line in lines[-4:]:
        assert line["who"] == "127.0.0.1"
        assert moment(line["time"]) <= datetime.now(timezone.utc)


def test_audit_log_is_appended_to_by_the_next_process(proxy):
    proxy.admin.switch()
    before = proxy.audit_log.read_text()
    assert proxy.stop() == 0
    proxy.start()
    proxy.admin.wait_health("blue", "healthy")
    proxy.admin.switch()
    after = proxy.audit_log.read_text()
    assert after.startswith(before) and len(after) > len(before)


def test_healthz_and_readyz(proxy):
    assert proxy.admin.get("/healthz").status == 200
    ready = proxy.admin.get("/readyz")
    assert ready.status == 200
    assert ready.json["active"] == "blue"


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_wrong_method(proxy, path, method):
    if method == ENDPOINTS[path]:
        return
    answer = proxy.admin.request(method, path)
    assert answer.status == 405
    assert path in answer.error
    assert ENDPOINTS[path] in answer.headers["allow"]
    assert proxy.admin.status()["epoch"] == 1


@pytest.mark.parametrize("path", ["/", "/nothing", "/switch/", "/Switch", "/status/x", "/../status", "/admin"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_path(proxy, method, path):
    answer = proxy.admin.request(method, path)
    assert answer.status == 404
    assert answer.error


@pytest.mark.parametrize(
    "query",
    [
        "to=red", "to=", "to=BLUE", "to=blue&to=green", "color=green", "force=perhaps", "wait=forever",
        "wait=drained&timeout=soon", "wait=drained&timeout=-1s", "timeout=5s", "to=%zz", "force=true",
    ],
)
def test_bad_request(proxy, query):
    answer = proxy.admin.post(f"/switch?{query}")
    assert answer.status == 400
    assert answer.error
    assert proxy.admin.status()["epoch"] == 1


def test_unknown_color_names_what_is_allowed(proxy):
    error = proxy.admin.post("/switch?to=red").error
    assert "red" in error and "blue" in error and "green" in error


def test_parameters_in_a_body_are_not_ignored(proxy):
    """A body is refused: ignoring it would turn `to=blue` into a toggle."""
    answer = proxy.admin.post("/switch", body=b"to=blue")
    assert answer.status == 400
    assert answer.error
    assert proxy.admin.status()["active"] == "blue"


def test_head(proxy):
    answer = proxy.admin.request("HEAD", "/status")
    assert answer.status == 200 and answer.body == b""


def test_answers_are_json_that_no_cache_keeps(proxy):
    for method, path in (("GET", "/status"), ("GET", "/history"), ("POST", "/switch"), ("GET", "/nowhere")):
        answer = proxy.admin.request(method, path)
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["cache-control"] == "no-store"


def test_a_web_page_cannot_switch(proxy):
    """Requests that a web page in a browser on this host can send are refused."""
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        answer = proxy.admin.post("/switch", headers=headers)
        assert answer.status == 403
        assert answer.error
    assert proxy.admin.status()["active"] == "blue"


def test_rollback_of_a_rollback(proxy):
    proxy.admin.switch()
    proxy.admin.rollback()
    assert proxy.admin.rollback()["to"] == "green"
    assert proxy.admin.status()["epoch"] == 4
