"""Reaching a color on purpose (--preview, --route-metadata), and knowing which one has answered (--announce)."""

import json
import signal
import socket
from collections import Counter

import grpc
import pytest

from harness.certificates import Authority
from harness.process import BINARIES, eventually
from harness.proxy import listening, options, run_proxy
from harness.raw_http2 import MAX_HEADER_LIST_SIZE, grpc_request, grpc_response, values
from harness.switch_load_processes import backend_of_a_new_call

OWN_FIELDS = [b"sluice-color", b"sluice-epoch", b"sluice-shadow"]


def who(channel, *metadata, timeout=15) -> str:
    return json.loads(channel.unary_unary("/echo.Echo/Describe")(b"", metadata=metadata, timeout=timeout))["backend"]


def asked_for(proxy) -> dict[tuple[str, str], float]:
    """Calls that began on a color because they asked for it, by color and means."""
    samples = proxy.admin.metrics()["sluice_calls_asked_for_total"]
    return {(sample.labels["color"], sample.labels["by"]): sample.value for sample in samples}


@pytest.fixture
def previewed(start_proxy, blue, green):
    """A Proxy with a preview listener, blue active, both colors healthy."""
    proxy = start_proxy(blue=blue.address, green=green.address, preview="127.0.0.1:0")
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    return proxy


def test_the_preview_reaches_the_idle_color_and_changes_sides(previewed, open_channel):
    preview, main = open_channel(previewed.preview), open_channel(previewed.address)
    assert (who(preview), who(main)) == ("green", "blue")
    previewed.admin.switch("?to=green")
    # The same connections, and no call that begins after the answer goes elsewhere.
    assert (who(preview), who(main)) == ("blue", "green")
    status = previewed.admin.status()
    assert status["preview"] == {"address": previewed.preview, "color": "blue", "calls": 2}
    assert asked_for(previewed) == {
        ("blue", "preview"): 1, ("green", "preview"): 1, ("blue", "metadata"): 0, ("green", "metadata"): 0}
    lines = eventually(lambda: (lines := previewed.accesses()) and len(lines) == 4 and lines, what="the access log")
    # Each connection's worker writes its lines by itself.
    assert Counter((line["color"], line["epoch"], line.get("preview", False)) for line in lines) == Counter([
        ("green", 1, True), ("blue", 1, False), ("blue", 2, True), ("green", 2, False)])


def test_nobody_waits_for_calls_of_the_preview(previewed, open_channel, green):
    stream = open_channel(previewed.preview).unary_stream("/echo.Echo/Hang")(b"", timeout=60)
    green.wait_event("began", method="Hang")
    assert previewed.admin.status()["colors"]["green"]["in_flight"] == 0
    previewed.admin.switch("?to=green")
    # The stream is on green, which is to be left now.
    receipt = previewed.admin.switch("?to=blue&wait=drained&timeout=20s")
    assert (receipt["in_flight"], receipt["drained"]) == (0, True)
    assert not stream.done()
    stream.cancel()


def test_calls_of_the_preview_end_with_a_drains_time(previewed, open_channel, green):
    start = green.position
    stream = open_channel(previewed.preview).unary_stream("/echo.Echo/Hang")(b"", timeout=60)
    green.wait_event("began", method="Hang", start=start)
    previewed.admin.switch("?to=green")
    previewed.admin.switch("?to=blue&drain=0s")
    with pytest.raises(grpc.RpcError) as error:
        list(stream)
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "green is being drained" in error.value.details()


def test_the_preview_never_fails_over(start_proxy, start_backend, blue, open_channel):
    green = start_backend("green")
    proxy = start_proxy(blue=blue.address, green=green.address, preview="127.0.0.1:0", failover=True)
    proxy.admin.wait_health("green", "healthy")
    green.kill()
    proxy.admin.wait_health("green", "unhealthy")
    with pytest.raises(grpc.RpcError) as error:
        who(open_channel(proxy.preview))
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert error.value.details().startswith("green ")
    assert who(open_channel(proxy.address)) == "blue"


def test_the_preview_is_handed_over(previewed, open_channel, green):
    """SIGUSR2: the same address, no connection refused meanwhile, and a stream that is under way goes on."""
    channel = open_channel(previewed.preview)
    stream = channel.stream_stream("/echo.Echo/BidiHang")(iter([b"x"]), timeout=60)
    assert next(stream) == b"x"
    before = previewed.preview
    old = previewed.restart()
    assert previewed.admin.status()["preview"]["address"] == before
    assert who(open_channel(before)) == "green"
    assert not stream.done()
    stream.cancel()
    previewed.wait_gone(old)


def test_a_preview_that_is_turned_off_at_a_restart_closes(start_proxy, blue, green, tmp_path, open_channel):
    file = tmp_path / "sluice.yml"
    file.write_text("preview: 127.0.0.1:0\n")
    proxy = start_proxy(blue=blue.address, green=green.address, config=file)
    address = proxy.preview
    assert who(open_channel(address)) == "green"
    file.write_text("preview: off\n")
    old = proxy.restart()
    proxy.wait_gone(old)
    assert "preview" not in proxy.admin.status()
    host, port = address.rsplit(":", 1)
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0


def test_a_service_manager_passes_the_preview(start_process, tmp_path, blue, green, connect_raw):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    flags = options(
        blue=blue.address, green=green.address, state_file=tmp_path / "state.json",
        audit_log=tmp_path / "audit.jsonl", access_log="off", preview="127.0.0.1:0")
    numbers = [one.fileno() for one in sockets]
    script = 'exec 3<&%d 4<&%d 5<&%d; LISTEN_PID=$$ exec "$@"' % tuple(numbers)
    for names in ("preview:listen:admin", None):
        environment = {"LISTEN_FDS": "3", **({"LISTEN_FDNAMES": names} if names else {})}
        process = start_process(
            ["bash", "-c", script, "bash", BINARIES / "Proxy", *flags], name="Proxy", env=environment, pass_fds=numbers)
        ready = process.wait_for_line(listening, what="listening")
        ports = ["127.0.0.1:%d" % one.getsockname()[1] for one in sockets]
        preview, listen, admin = ports if names else (ports[2], ports[0], ports[1])
        assert (ready["preview"], ready["listen"], ready["admin"]) == (preview, listen, admin)
        assert backend_of_a_new_call(connect_raw(preview)) == "green"
        assert backend_of_a_new_call(connect_raw(listen)) == "blue"
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
    for one in sockets:
        one.close()


def test_a_preview_for_everyone_has_to_be_meant(tmp_path, start_proxy, blue, green, open_channel):
    refused = run_proxy(tmp_path, blue=blue.address, green=green.address, preview="0.0.0.0:0")
    assert refused.returncode == 64
    assert '--preview is "0.0.0.0:0" (from the command line); allowed: an address of the loopback' in refused.stderr
    assert "--tls-client-ca or --preview-open" in refused.stderr
    proxy = start_proxy(blue=blue.address, green=green.address, preview="0.0.0.0:0", preview_open=True)
    assert who(open_channel("127.0.0.1:" + proxy.preview.rsplit(":", 1)[1])) == "green"


def test_a_service_managers_preview_for_everyone_has_to_be_meant(start_process, tmp_path, blue, green):
    with socket.create_server(("127.0.0.1", 0)) as listen, socket.create_server(("0.0.0.0", 0)) as preview:
        script = 'exec 3<&%d 4<&%d; LISTEN_PID=$$ exec "$@"' % (listen.fileno(), preview.fileno())
        process = start_process(
            ["bash", "-c", script, "bash", BINARIES / "Proxy", *options(
                blue=blue.address, green=green.address, admin="127.0.0.1:0", state_file=tmp_path / "state.json",
                audit_log=tmp_path / "audit.jsonl", access_log="off", preview="127.0.0.1:0")],
            name="Proxy", env={"LISTEN_FDS": "2", "LISTEN_FDNAMES": "listen:preview"},
            pass_fds=[listen.fileno(), preview.fileno()])
        assert process.wait() == 64
        assert "--preview-open" in "\n".join(process.stderr)


@pytest.mark.parametrize("setting", ["listen", "admin"])
def test_a_preview_at_another_listeners_address_is_refused(tmp_path, blue, green, setting):
    flags = {setting: "127.0.0.1:4711", "preview": "127.0.0.1:4711"}
    refused = run_proxy(tmp_path, blue=blue.address, green=green.address, **flags)
    assert refused.returncode == 64
    assert f"an address other than that of --{setting}" in refused.stderr


def test_the_preview_has_the_listeners_tls(tmp_path, start_proxy, blue, green):
    authority = Authority(tmp_path)
    server, client = authority.issue("localhost"), authority.issue("client")
    proxy = start_proxy(
        blue=blue.address, green=green.address, preview="0.0.0.0:0", tls_cert=server.pem, tls_key=server.key,
        tls_client_ca=authority.pem)
    target = "localhost:" + proxy.preview.rsplit(":", 1)[1]

    def credentials(pair=None):
        key = (pair.key.read_bytes(), pair.pem.read_bytes()) if pair else (None, None)
        return grpc.ssl_channel_credentials(authority.pem.read_bytes(), *key)

    with grpc.secure_channel(target, credentials(client)) as channel:
        assert who(channel) == "green"
    with grpc.secure_channel(target, credentials()) as channel:
        with pytest.raises(grpc.RpcError) as error:
            who(channel, timeout=5)
        assert error.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


# Metadata


@pytest.fixture
def routed(start_proxy, blue, green):
    """A Proxy whose calls may name their color in `x-color`, with green active."""
    proxy = start_proxy(
        blue=blue.address, green=green.address, initial="green", route_metadata="x-color", failover=True)
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    return proxy


def test_a_call_goes_where_its_metadata_says(routed, open_channel):
    channel = open_channel(routed.address)
    named = {"blue": "blue", "green": "green", "active": "green", "idle": "blue"}
    assert {name: who(channel, ("x-color", name)) for name in named} == named
    assert who(channel) == "green"
    routed.admin.switch("?to=blue")
    assert [who(channel, ("x-color", name)) for name in ("active", "idle")] == ["blue", "green"]
    assert asked_for(routed) == {
        ("blue", "metadata"): 3, ("green", "metadata"): 3, ("blue", "preview"): 0, ("green", "preview"): 0}
    lines = eventually(lambda: (lines := routed.accesses()) and len(lines) == 7 and lines, what="the access log")
    assert [line.get("route_metadata", False) for line in lines] == [True] * 4 + [False] + [True] * 2


@pytest.mark.parametrize("names", [["purple"], [""], ["BLUE"], ["blue", "green"], ["idle", "nonsense"]])
def test_what_is_no_color_is_refused(routed, open_channel, names):
    channel = open_channel(routed.address)
    with pytest.raises(grpc.RpcError) as error:
        who(channel, *(("x-color", name) for name in names))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.value.details() == "the call's color is neither blue, green, active nor idle"
    assert who(channel, ("x-color", "blue"), ("x-color", "blue")) == "blue"


def test_the_metadata_is_not_passed_on(routed, open_channel):
    reply = open_channel(routed.address).unary_unary("/echo.Echo/Describe")(
        b"", metadata=[("x-color", "blue"), ("x-colors", "kept")], timeout=15)
    assert [pair for pair in json.loads(reply)["metadata"] if pair[0].startswith("x-color")] == [["x-colors", "kept"]]


def test_without_the_setting_it_is_metadata_as_any_other(proxy, channel):
    reply = json.loads(channel.unary_unary("/echo.Echo/Describe")(b"", metadata=[("x-color", "green")], timeout=15))
    assert reply["backend"] == "blue" and ["x-color", "green"] in reply["metadata"]


def test_a_named_color_that_is_down_does_not_fail_over(start_proxy, start_backend, blue, open_channel):
    green = start_backend("green")
    proxy = start_proxy(blue=blue.address, green=green.address, route_metadata="x-color", failover=True)
    proxy.admin.wait_health("green", "healthy")
    green.kill()
    proxy.admin.wait_health("green", "unhealthy")
    channel = open_channel(proxy.address)
    with pytest.raises(grpc.RpcError) as error:
        who(channel, ("x-color", "green"))
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert (who(channel), who(channel, ("x-color", "active"))) == ("blue", "blue")


@pytest.mark.parametrize("time", ["0s", "300ms"])
def test_a_call_that_names_its_color_ends_with_a_drains_time(routed, open_channel, blue, time):
    """Blue is idle, and only calls that name it are there; its drain ends them all the same, and nobody waits for
    them."""
    start = blue.position
    hang = open_channel(routed.address).unary_stream("/echo.Echo/Hang")
    stream = hang(b"", timeout=60, metadata=[("x-color", "blue")])
    blue.wait_event("began", method="Hang", start=start)
    routed.admin.switch("?to=blue")
    receipt = routed.admin.switch("?to=green&wait=drained&timeout=20s")
    assert (receipt["in_flight"], receipt["drained"]) == (0, True)
    assert not stream.done()
    routed.admin.switch("?to=blue")
    assert routed.admin.switch(f"?to=green&drain={time}")["in_flight"] == 0
    with pytest.raises(grpc.RpcError) as error:
        list(stream)
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "blue is being drained" in error.value.details()
    blue.wait_event("cancelled", method="Hang", start=start)


@pytest.mark.parametrize("name", ["X-Color", "te", "grpc-color", "sluice-color", "color-bin", "", "a b", "x" * 65])
def test_names_that_are_taken_are_refused(tmp_path, blue, green, name):
    refused = run_proxy(tmp_path, blue=blue.address, green=green.address, route_metadata=name)
    assert refused.returncode == 64
    assert "--route-metadata" in refused.stderr


# Announcement


def test_clients_are_told_who_has_answered(start_proxy, blue, green, open_channel):
    proxy = start_proxy(
        blue=blue.address, green=green.address, announce=True, preview="127.0.0.1:0", health_check="none")
    main, preview = open_channel(proxy.address), open_channel(proxy.preview)

    def told(channel, method="/echo.Echo/Unary"):
        _, call = channel.unary_unary(method).with_call(b"", timeout=15)
        return tuple(value for key, value in call.initial_metadata() if key in ("sluice-color", "sluice-epoch"))

    assert (told(main), told(preview)) == (("blue", "1"), ("green", "1"))
    proxy.admin.switch("?to=green")
    assert (told(main), told(preview)) == (("green", "2"), ("blue", "2"))
    # A response of trailers alone says so, too.
    call = main.unary_stream("/echo.Echo/Fail")(json.dumps({"code": "ABORTED", "message": "x"}).encode(), timeout=15)
    with pytest.raises(grpc.RpcError):
        list(call)
    assert ("sluice-color", "green") in [*call.initial_metadata(), *call.trailing_metadata()]


@pytest.mark.parametrize("announce", [True, None])
def test_the_proxys_own_fields_come_from_nobody_else(start_proxy, start_raw_backend, connect_raw, announce):
    lies = [(name.decode(), "a lie") for name in OWN_FIELDS]

    def answer(stream):
        stream.send_headers(grpc_response(*lies))
        stream.send_headers([(b"grpc-status", b"0"), *((name, b"a lie") for name in OWN_FIELDS)], True)

    backend = start_raw_backend(answer)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", announce=announce)
    client = connect_raw(proxy.address)
    for _ in range(3):
        stream = client.open(grpc_request("/echo.Echo/Unary", *lies, ("sluice_shadow", "1")), end_stream=True)
        stream.wait_end()
        sent = {name for name, _ in backend.requests[-1].headers}
        assert not sent & {*OWN_FIELDS, b"sluice_shadow"}
        told = [value for name in OWN_FIELDS for value in values(stream.headers, name.decode())]
        assert told == ([b"blue", b"1"] if announce else [])
        assert not {name for name, _ in stream.trailers} & set(OWN_FIELDS)
        assert (b"grpc-status", b"0") in stream.trailers


def test_the_announcement_survives_a_client_that_takes_little(start_proxy, start_raw_backend, connect_raw):
    """A response that just fits the client's limit goes without it, instead of failing."""
    padding = "x" * 300

    def answer(stream):
        stream.send_headers(grpc_response(("x-padding", padding)))
        stream.send_headers([(b"grpc-status", b"0")], True)

    backend = start_raw_backend(answer)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", announce=True)
    for limit, is_told in ((512, False), (4096, True)):
        client = connect_raw(proxy.address, settings={MAX_HEADER_LIST_SIZE: limit})
        stream = client.open(grpc_request("/echo.Echo/Unary"), end_stream=True)
        stream.wait_end()
        assert values(stream.headers, "x-padding") == [padding.encode()]
        assert (values(stream.headers, "sluice-color") == [b"blue"]) == is_told
