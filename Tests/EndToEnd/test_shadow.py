"""Shadow steps: a share of the calls is copied to the color that isn't active, which concerns nobody else."""

import json
import os
import queue
import signal
import threading
import time

import grpc
import hpack
import pytest
from harness.certificates import Authority
from harness.handover import dying_successor
from harness.process import BINARIES, eventually
from harness.raw_http2 import CANCEL, REFUSED_STREAM, grpc_message, grpc_request, grpc_response, to_bytes, values
from harness.shadow import METHOD, OK, Shadowed, answer, call, descriptors, is_copy, number, plan, starter


@pytest.fixture
def start_shadowed(start_proxy, start_raw_backend):
    return starter(start_proxy, start_raw_backend)


@pytest.fixture
def echoes(start_proxy, start_backend) -> Shadowed:
    """A Proxy in front of two grpcio backends that answer alike."""
    blue, green = start_backend("blue"), start_backend("green")
    proxy = start_proxy(blue=blue.address, green=green.address, shadow_methods="*")
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    return Shadowed(proxy, blue, green)


def payloads(streams) -> list[bytes]:
    return sorted(b"".join(stream.messages) for stream in streams)


# Which calls are copied


def test_every_call_is_copied_and_its_answers_are_compared(start_shadowed):
    shadowed = start_shadowed(lambda body: [body * 2], lambda body: [body * 2])
    shadowed.begin()
    for index in range(4):
        message = number(1, index)
        assert call(shadowed.address, 25, message) == [message * 2] * 25
    found = shadowed.wait_copies(100)
    assert (found["compared"], found["agreeing"], found["agreement"], found["given_up"]) == (100, 100, 100, {})
    assert found["statuses"] == [{"active": "OK", "other": "OK", "calls": 100}]
    assert (
        payloads(shadowed.blue.live) == payloads(shadowed.green.copies) == sorted(number(1, i % 4) for i in range(100))
    )
    assert not shadowed.blue.copies and not shadowed.green.live


def test_a_share_is_sampled(start_shadowed):
    shadowed = start_shadowed()
    shadowed.begin("10%")
    calls = 4_000
    for _ in range(4):
        assert call(shadowed.address, calls // 4) == [b""] * (calls // 4)
    found = eventually(
        lambda: (c := shadowed.comparison())["compared"] == len(shadowed.green.copies) and c, what="all comparisons"
    )
    deviation = (calls * 0.1 * 0.9) ** 0.5
    assert abs(found["compared"] - calls * 0.1) <= 4 * deviation
    assert found["compared"] == found["agreeing"] and found["given_up"] == {}
    assert len(shadowed.blue.live) == calls and not shadowed.green.live


@pytest.mark.parametrize(
    "methods, copied",
    [
        ("/model.Service/*", {"/model.Service/Predict", "/model.Service/PredictAll"}),
        ("/model.Service/Predict", {"/model.Service/Predict"}),
        ("/model.Service/PredictAll,/model.Services/*", {"/model.Service/PredictAll", "/model.Services/Predict"}),
    ],
)
def test_only_methods_that_may_be_are_copied(start_shadowed, methods, copied):
    shadowed = start_shadowed(shadow_methods=methods)
    shadowed.begin()
    # Those that are copied come last: a wrong copy of the others would be there before theirs.
    every = ["/model.Service/Predict", "/model.Service/PredictAll", "/model.Services/Predict", "/Model.service/Predict"]
    for method in sorted(every, key=lambda method: method in copied):
        assert call(shadowed.address, 20, method=method) == [b""] * 20
    assert shadowed.wait_copies(20 * len(copied))["compared"] == 20 * len(copied)
    assert {stream.path.decode() for stream in shadowed.green.requests} == copied
    assert len(shadowed.blue.live) == 20 * len(every)


def test_no_shadow_step_without_methods(start_proxy, blue, green):
    proxy = start_proxy(blue=blue.address, green=green.address, health_check="none")
    refused = Shadowed(proxy).request(plan(("shadow", "10%", "30s")))
    print(refused.error)
    assert refused.status == 409
    assert refused.error.endswith("a shadow step needs methods that may be copied, which --shadow-methods names")
    assert proxy.admin.status()["epoch"] == 1 and proxy.admin.get("/release").status == 404


def test_a_refused_shadow_step_is_in_the_audit_log(start_proxy, blue, green):
    proxy = start_proxy(blue=blue.address, green=green.address, health_check="none")
    assert Shadowed(proxy).request(plan(("shadow", "10%", "30s"))).status == 409
    line = proxy.audit()[-1]
    assert (line["action"], line["outcome"]) == ("release", "refused")


@pytest.mark.parametrize(
    "body, words",
    [
        (plan(("shadow", "0%", "30s")), 'steps[0].shadow is "0%"'),
        (plan(("canary", "5%", "30s"), ("shadow", "5%", "30s")), "steps[1] is a shadow step after a canary step"),
        (b'{"steps": [{"shadow": "5%", "canary": "5%", "for": "1s"}]}', "steps[0] has canary and shadow"),
        (plan(("shadow", "5%", "30s"), ignore=["a..b"]), 'ignore[0] is "a..b", which has no field'),
        (plan(("shadow", "5%", "30s"), ignore=["a["]), 'ignore[0] is "a[", which has a "[" without its "]"'),
        (plan(("shadow", "5%", "30s"), tolerance={"absolute": -1}), "tolerance.absolute is -1.0"),
        (plan(("shadow", "5%", "30s"), tolerance={"relative": 1}), "tolerance.relative is 1.0"),
        (plan(("shadow", "5%", "30s"), tolerance={"share": 1}), 'tolerance has no field "share"'),
        (plan(("shadow", "5%", "30s"), noise="101%"), 'noise is "101%"'),
        (plan(("shadow", "5%", "30s"), min_agreement="100%"), 'min_agreement is "100%"'),
    ],
)
def test_a_plan_that_is_wrong_is_refused_by_name(start_proxy, blue, green, body, words):
    proxy = start_proxy(blue=blue.address, green=green.address, health_check="none", shadow_methods="*")
    refused = Shadowed(proxy).request(body)
    assert refused.status == 400 and words in refused.error, refused
    assert proxy.admin.status()["epoch"] == 1


def test_the_same_key_is_the_same_release(start_shadowed, tmp_path):
    """Also if what the first request has read is gone."""
    file = descriptors(tmp_path)
    shadowed = start_shadowed(descriptors=file)
    body, key = plan(("shadow", "10%", "1h")), {"Idempotency-Key": "deploy 17"}
    first = shadowed.proxy.admin.request("POST", "/release", body=body, headers=key)
    file.unlink()
    again = shadowed.proxy.admin.request("POST", "/release", body=body, headers=key)
    assert (first.status, again.status) == (201, 201), again
    assert first.json["release"] == again.json["release"]


def test_copies_go_over_tls_as_calls_do(start_proxy, start_backend, open_channel, tmp_path):
    authority = Authority(tmp_path)
    certificate = authority.issue("server")
    blue, green = (start_backend(name, tls_cert=certificate.pem, tls_key=certificate.key) for name in ("blue", "green"))
    proxy = start_proxy(
        blue=blue.address, green=green.address, shadow_methods="*", upstream_tls=True, upstream_tls_ca=authority.pem
    )
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    shadowed, channel = Shadowed(proxy), open_channel(proxy.address)
    shadowed.begin()
    for _ in range(20):
        assert channel.unary_unary("/echo.Echo/Unary")(b"x" * 50_000, timeout=15) == b"x" * 50_000
    assert shadowed.wait_copies(20)["agreeing"] == 20


def test_calls_with_a_color_of_their_own_are_not_copied(start_shadowed):
    shadowed = start_shadowed(preview="127.0.0.1:0", route_metadata="x-color")
    shadowed.begin()
    call(shadowed.proxy.preview, 10)
    for color in ("blue", "active"):
        call(shadowed.address, 10, metadata=[("x-color", color)])
    call(shadowed.address, 10)
    assert shadowed.wait_copies(10)["compared"] == 10
    assert (len(shadowed.blue.live), len(shadowed.green.live), len(shadowed.green.copies)) == (30, 10, 10)


# What a copy is


def test_a_copy_has_all_metadata_and_its_mark(start_shadowed, connect_raw):
    shadowed = start_shadowed()
    shadowed.begin()
    client = connect_raw(shadowed.address)
    secret = hpack.NeverIndexedHeaderTuple(b"authorization", b"Bearer abc")
    for marks in ([], [(b"sluice-shadow", b"0")], [(b"sluice-shadow", b"1"), (b"sluice-shadow", b"2")]):
        fields = [(b"x-id-bin", b"AAEC"), (b"grpc-timeout", b"17S"), (b"x-twice", b"a"), (b"x-twice", b"b"), *marks]
        stream = client.open([*grpc_request(METHOD), secret, *fields])
        stream.send_data(grpc_message(b"abc"), end_stream=True)
        assert stream.wait_end().messages == [b""] and stream.grpc_status == b"0"
    assert shadowed.wait_copies(3)["agreeing"] == 3
    assert len(shadowed.blue.requests) == len(shadowed.green.requests) == 3
    for live, copy in zip(shadowed.blue.requests, shadowed.green.requests, strict=True):
        assert values(live.headers, "sluice-shadow") == []
        assert [*live.headers, (b"sluice-shadow", b"1")] == copy.headers
        assert values(copy.headers, "authorization") == [b"Bearer abc"] and values(copy.headers, "x-id-bin") == [
            b"AAEC"
        ]
        assert values(copy.headers, "grpc-timeout") == [b"17S"]
        assert live.messages == copy.messages == [b"abc"]
        # A secret stays out of the compression tables.
        for headers in (live.headers, copy.headers):
            assert [field.indexable for field in headers if field[0] == b"authorization"] == [False]


def test_the_mark_is_the_proxys_alone(start_shadowed):
    """Without a release, too, no client can make a backend take its call for a copy."""
    shadowed = start_shadowed()
    call(shadowed.address, metadata=[("sluice-shadow", "1")])
    assert len(shadowed.blue.live) == 1 and not shadowed.blue.copies


def test_streams_of_every_kind(echoes, open_channel):
    channel = open_channel(echoes.address)
    echoes.begin()
    for index in range(10):
        message = b"%d" % index * 1_000
        assert channel.unary_unary("/echo.Echo/Unary")(message, timeout=15) == message
        summed = json.loads(channel.stream_unary("/echo.Echo/ClientStream")(iter([message] * 5), timeout=15))
        assert (summed["count"], summed["bytes"]) == (5, 5_000)
        wanted = json.dumps({"count": 5, "size": 100}).encode()
        served = list(channel.unary_stream("/echo.Echo/ServerStream")(wanted, timeout=15))
        assert served == [bytes([i]) * 100 for i in range(5)]
        assert list(channel.stream_stream("/echo.Echo/Bidi")(iter([message] * 5), timeout=15)) == [message] * 5
        failing = json.dumps({"code": "NOT_FOUND", "message": "none", "after": 2}).encode()
        with pytest.raises(grpc.RpcError) as failed:
            list(channel.unary_stream("/echo.Echo/Fail")(failing, timeout=15))
        assert failed.value.code() is grpc.StatusCode.NOT_FOUND
    found = echoes.wait_copies(50)
    assert (found["compared"], found["agreeing"], found["given_up"], found["paths"]) == (50, 50, {}, [])
    assert found["statuses"] == [
        {"active": "OK", "other": "OK", "calls": 40},
        {"active": "NOT_FOUND", "other": "NOT_FOUND", "calls": 10},
    ]
    # Each side's own name is in its answer: the text differs.
    described = json.loads(channel.unary_unary("/echo.Echo/Describe")(b"", timeout=15))
    assert described["backend"] == "blue" and "sluice-shadow" not in dict(described["metadata"])
    assert echoes.wait_copies(51)["agreeing"] == 50


def test_a_stream_is_compared_message_by_message(start_shadowed, open_channel):
    def row(*scores):
        return lambda _: [number(1, score) for score in scores]

    shadowed = start_shadowed(row(1, 2, 3, 4), row(1, 2, 3.5, 4))
    shadowed.begin()

    def ask() -> None:
        answers = open_channel(shadowed.address).unary_stream(METHOD)(b"", timeout=15)
        assert list(answers) == [number(1, score) for score in (1, 2, 3, 4)]

    ask()
    (path,) = shadowed.wait_copies(1)["paths"]
    assert (path["path"], path["calls"], path["values"], path["largest_difference"]) == ("1", 1, 1, 0.5)
    (last,) = shadowed.comparison()["disagreements"]
    assert last["examples"] == [{"path": "1", "message": 2, "active": "3.0", "other": "3.5"}]
    shadowed.green.answers = row(1, 2, 3)
    ask()
    last = shadowed.wait_copies(2)["disagreements"][-1]
    assert last["examples"] == [{"path": "(messages)", "message": 0, "active": "4 in number", "other": "3 in number"}]
    shadowed.green.answers = row(1, 2, 3, 4)
    ask()
    assert shadowed.wait_copies(3)["agreeing"] == 1


def test_a_stream_is_copied_as_it_comes(start_shadowed, connect_raw):
    received = bytearray()

    def take(stream):
        stream.send_headers(grpc_response())
        while data := stream.read(60):
            received.extend(data)
        stream.send_data(grpc_message(b""))
        stream.send_headers(to_bytes(OK), True)

    shadowed = start_shadowed(on_copy=take)
    shadowed.begin()
    stream, sent = connect_raw(shadowed.address).open(grpc_request(METHOD)), b""
    shadowed.green.server.wait_requests(1)
    for index in range(3):
        message = grpc_message(b"%d" % index * 1_000)
        stream.send_data(message)
        sent += message
        # All of it is there before more is sent.
        eventually(lambda sent=sent: bytes(received) == sent, what="the message at the copy")
    stream.send_data(b"", end_stream=True)
    assert stream.wait_end().messages == [b""] and stream.grpc_status == b"0"
    assert shadowed.wait_copies(1)["agreeing"] == 1 and bytes(received) == sent


# The end of a call


@pytest.mark.parametrize("method", ["Hang", "BidiHang"])
def test_a_cancelled_call_cancels_its_copy(echoes, open_channel, method):
    echoes.begin()
    channel = open_channel(echoes.address)
    metadata = [("x-call-id", "one")]
    stub = channel.unary_stream if method == "Hang" else channel.stream_stream
    call = stub(f"/echo.Echo/{method}")(b"" if method == "Hang" else iter([b"a"]), metadata=metadata)
    echoes.blue.wait_event_of("began", "one")
    began = echoes.green.wait_event_of("began", "one")
    assert ["sluice-shadow", "1"] in began["metadata"]
    call.cancel()
    echoes.blue.wait_event_of("cancelled", "one")
    echoes.green.wait_event_of("cancelled", "one")
    assert echoes.wait_copies(1)["given_up"] == {"cancelled": 1}
    assert channel.unary_unary("/echo.Echo/Unary")(b"x", timeout=15) == b"x"
    assert echoes.wait_copies(2)["agreeing"] == 1


def test_a_cancelled_copy_ends_by_a_reset(start_shadowed, start_raw_backend, connect_raw):
    shadowed = start_shadowed(on_copy=lambda stream: stream.wait_finish(60))
    shadowed.begin()
    client = connect_raw(shadowed.address)
    for ended in (True, False):
        stream = client.open(grpc_request(METHOD))
        stream.send_data(b"\x00\x00\x00\x00\x09half")
        copy = shadowed.green.server.wait_requests(1 if ended else 2)[-1]
        copy.wait_data(9)
        # By a reset, or with the whole connection.
        if ended:
            stream.reset(CANCEL)
        else:
            client.close()
        assert copy.wait_reset() == CANCEL
        shadowed.wait_copies(1 if ended else 2)
    assert shadowed.comparison()["given_up"] == {"cancelled": 2}
    shadowed.wait_nothing_held()


# What copies are not


def test_copies_are_in_no_totals(start_shadowed):
    copied = []
    shadowed = start_shadowed(on_copy=copied.append)
    proxy = shadowed.proxy
    shadowed.begin()
    assert call(shadowed.address, 30) == [b""] * 30
    shadowed.green.server.wait_requests(30)
    colors = proxy.admin.status()["colors"]
    assert colors["green"]["in_flight"] == 0 and colors["green"]["calls"]["started"] == 0
    assert (colors["green"]["bytes_up"], colors["green"]["bytes_down"]) == (0, 0)
    assert colors["blue"]["calls"]["started"] == colors["blue"]["calls"]["finished"] == 30
    assert proxy.admin.status()["in_flight"] == []
    assert sum(worker["calls_in_flight"] for worker in proxy.admin.status()["workers"]) == 0
    samples = proxy.admin.metrics()
    for name in (
        "sluice_calls_started_total",
        "sluice_calls_in_flight",
        "sluice_calls_total",
        "sluice_call_duration_seconds_count",
        "sluice_calls_failed_by_proxy_total",
    ):
        assert sum(one.value for one in samples[name] if one.labels["color"] == "green") == 0, name
    lines = eventually(lambda: (found := proxy.accesses()) and len(found) >= 30 and found, what="the access log")
    assert len(lines) == 30 and {line["color"] for line in lines} == {"blue"}
    # A return to blue leaves nothing behind to wait for.
    back = proxy.admin.rollback("?wait=drained&timeout=10s")
    assert back["to"] == "blue" and not back.get("in_flight"), back
    # Nor does a change of colors while copies still hang.
    changed = proxy.admin.switch("?to=green&wait=drained&timeout=5s")
    assert changed["changed"] and not proxy.admin.status()["in_flight"]


def test_metrics_of_copies(start_shadowed):
    """What copies come to has metrics of its own."""
    held = []

    def handle(stream):
        stream.wait_end()
        if len(held) < 10:
            held.append(stream)
        else:
            answer(stream, b"a")

    shadowed = start_shadowed(lambda _: [b"a"], on_copy=handle)
    shadowed.begin()

    def metric(name: str, **labels) -> float:
        samples = shadowed.proxy.admin.metrics()[f"sluice_{name}"]
        return sum(one.value for one in samples if labels.items() <= one.labels.items())

    call(shadowed.address, 30)
    eventually(lambda: metric("copies_answered_total") == 20, what="20 answers")
    assert (metric("copies_started_total"), metric("copies_open")) == (30, 10)
    assert metric("copies_buffered_bytes") > 10 * 3_072
    assert (metric("shadow_share", color="green"), metric("shadow_share", color="blue")) == (1, 0)
    for stream in held:
        stream.reset(REFUSED_STREAM)
    eventually(lambda: metric("copies_given_up_total", reason="unreachable") == 10, what="the refused ones")
    assert metric("copies_given_up_total") == 10
    # Nothing is held for copies that are over.
    assert (metric("copies_open"), metric("copies_buffered_bytes")) == (0, 0)
    shadowed.wait_copies(30)
    assert metric("answers_compared") == metric("answers_agreeing") == 20
    shadowed.steer("abort")
    assert metric("shadow_share") == 0


def test_a_hanging_copy_keeps_no_proxy_from_its_end(start_shadowed):
    shadowed = start_shadowed(on_copy=lambda stream: None)
    shadowed.begin()
    call(shadowed.address, 20)
    shadowed.green.server.wait_requests(20)
    began = time.monotonic()
    shadowed.proxy.process.signal(signal.SIGTERM)
    assert shadowed.proxy.process.wait() == 0
    assert time.monotonic() - began < 5


# The release


@pytest.mark.parametrize("on_breach", ["rollback", "pause"])
def test_too_many_disagreements_are_a_breach(start_shadowed, on_breach):
    shadowed = start_shadowed(lambda _: [number(1, 0.5)], lambda _: [number(1, 0.75)])
    shadowed.begin(min_agreement="99%", on_breach=on_breach)
    assert call(shadowed.address, 200) == [number(1, 0.5)] * 200
    found = shadowed.wait_phase("ended" if on_breach == "rollback" else "paused")
    breach = found["breach"]
    assert breach["signal"] == "min_agreement" and breach["new_calls"] == breach["new_failures"] > 0
    assert 0 < breach["probability"] <= 0.001
    # The line is written after the calls have gone back.
    line = eventually(lambda: (a := shadowed.proxy.audit()[-1])["who"] == "guard" and a, what="the guard's line")
    text = f"min_agreement: {breach['new_failures']} of {breach['new_calls']} answers differ"
    if on_breach == "rollback":
        assert (found["outcome"], line["who"], line["action"]) == ("rolled_back", "guard", "release_abort")
        assert line["reason"] == text
        assert found["steps"][0]["comparison"]["compared"] >= breach["new_calls"]
        seen = len(shadowed.green.copies)
        assert call(shadowed.address, 50) == [number(1, 0.5)] * 50
        shadowed.proxy.stop()
        assert len(shadowed.green.copies) == seen
    else:
        assert (found["paused"], line["who"], line["reason"]) == ("breach", "guard", text)
        assert shadowed.steer("abort")["outcome"] == "aborted"


def test_enough_agreement_is_no_breach(start_shadowed):
    count = iter(range(10_000))
    shadowed = start_shadowed(lambda _: [number(1, 0.5)], lambda _: [number(1, 0.5 if next(count) % 50 else 0.75)])
    shadowed.begin(min_agreement="95%")
    assert call(shadowed.address, 500) == [number(1, 0.5)] * 500
    found = shadowed.wait_copies(500)
    assert (found["agreeing"], found["agreement"]) == (490, 98)
    assert shadowed.release["phase"] == "running"


def test_a_step_without_comparisons_pauses(start_shadowed):
    shadowed = start_shadowed(shadow_methods=METHOD)
    shadowed.begin(time="1s", min_calls=5)
    # Calls that aren't copied don't count.
    assert call(shadowed.address, 50, method="/model.Service/Other") == [b""] * 50
    paused = shadowed.wait_phase("paused")
    assert paused["paused"] == "no_data"
    assert shadowed.comparison()["compared"] == 0
    shadowed.steer("abort")
    # Copies that come to no comparison don't count, either.
    shadowed.green.server.close()
    shadowed.begin(time="1s", min_calls=5)
    assert call(shadowed.address, 50) == [b""] * 50
    assert shadowed.wait_phase("paused")["paused"] == "no_data"
    assert shadowed.wait_copies(50)["given_up"] == {"unreachable": 50}


def test_a_step_with_comparisons_goes_on(start_shadowed):
    shadowed = start_shadowed()
    shadowed.begin_plan(plan(("shadow", "100%", "2s"), ("canary", "40%", "1h"), min_calls=20))
    assert call(shadowed.address, 20) == [b""] * 20
    shadowed.wait_copies(20)
    found = eventually(lambda: (r := shadowed.release)["step"] == 2 and r, what="the canary step")
    assert (found["phase"], found["share"]) == ("running", "40%")
    assert found["steps"][0]["comparison"]["compared"] == 20 and "comparison" not in found["steps"][1]


@pytest.mark.parametrize("guard", [{}, {"guard": "1s"}])
def test_a_shadow_step_alone_ends_in_a_switch(start_shadowed, guard):
    shadowed = start_shadowed(lambda _: [b"a"], lambda _: [b"a"])
    shadowed.begin_plan(plan(("shadow", "100%", "1s"), min_calls=20, **guard))
    call(shadowed.address, 20)
    eventually(lambda: shadowed.proxy.admin.status()["active"] == "green", what="the switch")
    assert call(shadowed.address, 100) == [b"a"] * 100
    ended = shadowed.wait_phase("ended")
    assert ended["outcome"] == "done" and ended["steps"][0]["comparison"]["agreeing"] == 20
    shadowed.proxy.stop()
    assert (len(shadowed.blue.live), len(shadowed.green.live)) == (20, 100)
    assert (len(shadowed.blue.copies), len(shadowed.green.copies)) == (0, 20)


@pytest.mark.parametrize("command", ["promote", "abort"])
def test_no_copy_begins_after_the_step(start_shadowed, command):
    shadowed = start_shadowed()
    shadowed.begin_plan(plan(("shadow", "100%", "1h"), ("canary", "30%", "1h"), min_calls=0))
    assert call(shadowed.address, 50) == [b""] * 50
    stop, calls = threading.Event(), [50]

    def load() -> None:
        while not stop.is_set():
            calls[0] += len(call(shadowed.address, 20))

    thread = threading.Thread(target=load)
    thread.start()
    try:
        eventually(lambda: len(shadowed.green.copies) > 100, what="copies")
        shadowed.steer(command)
        after = call(shadowed.address, 200, metadata=[("x-after", "1")])
    finally:
        stop.set()
        thread.join(30)
    assert len(after) == 200
    shadowed.proxy.stop()
    late = [stream for stream in shadowed.green.copies if values(stream.headers, "x-after")]
    assert late == []
    served = len(shadowed.blue.live) + len(shadowed.green.live)
    assert served == calls[0] + 200
    assert (len(shadowed.green.live) > 0) == (command == "promote")


def test_copies_that_wait_are_dropped_at_the_end_of_the_step(start_shadowed):
    """A color that takes one stream at a time has copies queue up; from the answer on, none of them begins."""
    held, free = [], threading.Event()

    def hold(stream):
        held.append(stream)
        free.wait(60)
        answer(stream, b"")

    shadowed = start_shadowed(on_copy=hold, server={"settings": {3: 1}})
    shadowed.begin()
    assert call(shadowed.address, 30) == [b""] * 30
    shadowed.green.server.wait_requests(1)
    # Connections for copies are opened one after the other, to a worker's limit.
    eventually(lambda: len({one.connection for one in held}) >= 4 and all(map(is_copy, held)), what="a queue")
    shadowed.steer("abort")
    seen = len(shadowed.green.requests)
    assert seen < 30
    free.set()
    assert call(shadowed.address, 100) == [b""] * 100
    # The first PING is answered after the ends of those that were held, the second one after what follows them.
    for _ in range(2):
        for connection in {one.connection for one in list(held)}:
            connection.ping()
    assert len(shadowed.green.requests) == seen


def test_each_step_counts_by_itself_and_a_pause_stops_no_copies(start_shadowed):
    shadowed = start_shadowed()
    shadowed.begin_plan(plan(("shadow", "100%", "1h"), ("shadow", "50%", "1h"), min_calls=0))
    call(shadowed.address, 20)
    shadowed.wait_copies(20)
    assert shadowed.steer("pause")["phase"] == "paused"
    call(shadowed.address, 20)
    shadowed.wait_copies(40)
    assert shadowed.steer("resume")["phase"] == "running"
    assert shadowed.steer("promote")["step"] == 2
    call(shadowed.address, 200)
    found = eventually(
        lambda: (c := shadowed.comparison(1))["compared"] == len(shadowed.green.copies) - 40 and c, what="comparisons"
    )
    assert abs(found["compared"] - 100) <= 4 * (200 * 0.5 * 0.5) ** 0.5
    assert shadowed.comparison(0)["compared"] == 40


def test_the_end_of_a_step_loses_no_comparison(start_shadowed):
    shadowed = start_shadowed()
    for _ in range(5):
        shadowed.begin_plan(plan(("shadow", "100%", "1h"), ("canary", "1%", "1h"), min_calls=0))
        seen = len(shadowed.green.copies)
        assert call(shadowed.address, 20) == [b""] * 20
        eventually(lambda seen=seen: len(shadowed.green.copies) == seen + 20, what="all copies")
        eventually(
            lambda: all(one.connection.h2.open_inbound_streams == 0 for one in shadowed.green.copies), what="answers"
        )
        # Once a PING is answered, the answers before it have been taken.
        for connection in {one.connection for one in shadowed.green.copies}:
            connection.ping()
        step = shadowed.steer("promote")["steps"][0]
        assert step.get("comparison", {}).get("compared") == 20
        shadowed.steer("abort")


def test_health_pauses_a_shadow_step(echoes, open_channel):
    echoes.begin(min_calls=0)
    echoes.green.kill()
    channel = open_channel(echoes.address)
    for _ in range(50):
        assert channel.unary_unary("/echo.Echo/Unary")(b"x", timeout=15) == b"x"
    assert echoes.wait_phase("paused")["paused"] == "health"
    assert echoes.proxy.admin.status()["active"] == "blue"


# Restarts


def saved_calls(proxy) -> int:
    """Calls compared in the step under way, as the state file has it."""
    found = json.loads(proxy.state_file.read_text())["releases"][0]["records"][-1].get("comparisons")
    return sum(method["compared"] for method in found["table"]["methods"].values()) if found else 0


def test_a_killed_proxy_goes_on_with_what_it_has_compared(start_shadowed):
    shadowed = start_shadowed(lambda _: [number(1, 0.5)], lambda _: [number(1, 0.75)])
    proxy = shadowed.proxy
    shadowed.begin(noise="0%", tolerance={"absolute": 0.1})
    assert call(shadowed.address, 50) == [number(1, 0.5)] * 50
    before = shadowed.wait_copies(50)

    # Every two seconds.
    eventually(lambda: saved_calls(proxy) == 50, what="the save", timeout=10)
    proxy.kill()
    proxy.start()
    assert shadowed.comparison() == before
    assert shadowed.release["phase"] == "running"
    shadowed.wait_first_copy()
    assert call(shadowed.address, 24) == [number(1, 0.5)] * 24
    # Each of the calls that were answered has its copy begun.
    count = 50 + shadowed.copies_started
    assert 75 <= count <= len(shadowed.blue.live)
    after = shadowed.wait_copies(count)
    assert after["paths"][0]["calls"] == after["paths"][0]["compared"] == count
    assert after["paths"][0]["mean_difference"] == 0.25


def test_a_restart_goes_on_with_what_it_has_compared(start_shadowed):
    shadowed = start_shadowed()
    proxy = shadowed.proxy
    shadowed.begin()
    assert call(shadowed.address, 50) == [b""] * 50
    before = shadowed.wait_copies(50)
    for _ in range(3):
        old = proxy.restart()
        assert shadowed.comparison() == before
        proxy.wait_gone(old)
        shadowed.wait_first_copy()
        assert call(shadowed.address, 49) == [b""] * 49
        copies = before["compared"] + shadowed.copies_started
        before = shadowed.wait_copies(copies)
        assert before["agreeing"] == copies == len(shadowed.green.copies)
    assert 200 <= len(shadowed.green.copies) <= len(shadowed.blue.live)
    assert shadowed.steer("abort")["outcome"] == "aborted"


def test_restarts_under_load(start_shadowed):
    """No call fails or is answered by a copy's color, and each new process goes on with the copies."""
    shadowed = start_shadowed(lambda body: [body + b"blue"], lambda body: [body + b"blue"])
    proxy = shadowed.proxy
    shadowed.begin()
    stop, answers, failures = threading.Event(), [], []

    def load(name: bytes) -> None:
        while not stop.is_set():
            try:
                answers.extend(zip([name] * 20, call(shadowed.address, 20, name, retries=1), strict=True))
            except grpc.RpcError as error:
                failures.append(error)

    threads = [threading.Thread(target=load, args=(b"%d" % index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            before = shadowed.comparison()["compared"]
            eventually(lambda before=before: shadowed.comparison()["compared"] > before + 50, what="comparisons")
            before = shadowed.comparison()["compared"]
            old = proxy.restart()
            assert shadowed.comparison()["compared"] >= before
            proxy.wait_gone(old)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert failures == [] and len(answers) > 300
    assert {answered for name, answered in answers if answered != name + b"blue"} == set()
    assert len(shadowed.blue.live) == len(answers) and not shadowed.green.live
    found = shadowed.comparison()
    assert found["agreeing"] == found["compared"] > 300
    shadowed.wait_nothing_held()


def test_a_call_that_outlasts_a_restart(echoes, open_channel):
    """It is answered in the old process; only what the new one has copied is compared from then on."""
    echoes.begin()
    sent = queue.Queue()
    stream = open_channel(echoes.address).stream_stream("/echo.Echo/Bidi")(iter(sent.get, None), timeout=60)
    sent.put(b"a")
    assert next(stream) == b"a"
    old = echoes.proxy.restart()
    sent.put(b"b")
    assert next(stream) == b"b"
    sent.put(None)
    assert list(stream) == [] and stream.code() is grpc.StatusCode.OK
    echoes.proxy.wait_gone(old)
    channel = open_channel(echoes.address)
    for _ in range(20):
        assert channel.unary_unary("/echo.Echo/Unary")(b"x", timeout=15) == b"x"
    eventually(lambda: echoes.comparison()["compared"] >= 20, what="comparisons")
    found = echoes.comparison()
    assert found["compared"] == found["agreeing"] == 20 and found["given_up"] == {}


@pytest.mark.parametrize("kind", ["shadow", "canary"])
def test_a_restart_that_fails_leaves_the_step_as_it_was(start_shadowed, tmp_path, monkeypatch, kind):
    """The new process dies when the old one has let go already: copies, comparisons and the step's time go on."""
    wrapper = tmp_path / "Proxy"
    wrapper.write_text(f'#!/bin/bash\nexec -a "$0" {BINARIES / "Proxy"} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setattr("harness.proxy.BINARIES", tmp_path)
    shadowed = start_shadowed()
    proxy = shadowed.proxy
    shadowed.begin_plan(plan((kind, "50%", "6s"), ("canary", "60%", "1h"), min_calls=0))
    assert call(shadowed.address, 50) == [b""] * 50
    # Longer than the time between two looks at a release.
    wrapper.write_text(dying_successor("time.sleep(0.5)"))
    os.kill(proxy.pid, signal.SIGUSR2)
    proxy.process.wait_for_line(lambda line: "not restarted, this process goes on" in line, what="why not")
    seen = len(shadowed.green.requests)
    assert call(shadowed.address, 100) == [b""] * 100
    eventually(lambda: len(shadowed.green.requests) > seen, what="calls or copies at the other color")
    eventually(lambda: shadowed.release["step"] == 2, what="the next step")
