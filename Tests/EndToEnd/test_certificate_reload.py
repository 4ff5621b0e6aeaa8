"""Certificates that change while the Proxy runs, by file and by SIGHUP, without disturbing open connections."""

import json
import os
import queue
import shutil
import signal
import socket
import ssl

import grpc
import pytest

from harness.certificates import Authority
from harness.process import eventually

RELOADED, REFUSED = "certificates reloaded", "certificates not reloaded, those in force stay"


@pytest.fixture
def authority(tmp_path):
    folder = tmp_path / "authority"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture
def pair(authority, tmp_path):
    """The certificate that the Proxy is given: `current.pem` and `current.key`."""
    return authority.issue("current", into=tmp_path)


@pytest.fixture
def proxy(start_proxy, blue, green, pair):
    started = start_proxy(blue=blue.address, green=green.address, tls_cert=pair.pem, tls_key=pair.key)
    started.admin.wait_ready()
    return started


def put(source, target) -> None:
    """Replaces a file in one step, as tools that renew certificates do."""
    shutil.copy(source, f"{target}.new")
    os.replace(f"{target}.new", target)


def exchange(pair, renewed) -> None:
    put(renewed.key, pair.key)
    put(renewed.pem, pair.pem)


def wait_for(proxy, message: str, count: int = 1) -> dict:
    def found():
        lines = [line for line in proxy.process.json_lines() if line.get("message") == message]
        return lines[count - 1] if len(lines) >= count else None

    return eventually(found, what=f"{message} ({count})", timeout=30)


def serial(proxy, authority) -> str:
    """Serial number of the certificate that a new connection gets."""
    context = ssl.create_default_context(cafile=authority.pem)
    context.set_alpn_protocols(["h2"])
    host, port = proxy.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=15) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            return secured.getpeercert()["serialNumber"]


def reloads(proxy, outcome: str) -> float:
    (sample,) = [s for s in proxy.admin.metrics()["sluice_tls_reloads_total"] if s.labels["outcome"] == outcome]
    return sample.value


def expiry(proxy) -> float:
    (sample,) = proxy.admin.metrics()["sluice_tls_certificate_expiry_timestamp_seconds"]
    assert sample.labels == {"use": "clients"}
    return sample.value


def test_new_files_are_taken_and_open_streams_go_on(proxy, authority, pair):
    before, expired = serial(proxy, authority), expiry(proxy)
    credentials = grpc.ssl_channel_credentials(authority.pem.read_bytes())
    with grpc.secure_channel(f"localhost:{proxy.address.rsplit(':', 1)[1]}", credentials) as channel:
        to_send: queue.Queue = queue.Queue()
        to_send.put(b'{"seq": 0}')
        answers = channel.stream_stream("/echo.Echo/LongStream")(iter(to_send.get, None), timeout=60)
        stream = json.loads(next(answers))["stream"]

        exchange(pair, authority.issue("renewed", days=30))
        line = wait_for(proxy, RELOADED)
        assert line["use"] == "clients" and str(pair.pem) in str(line["files"])
        assert serial(proxy, authority) != before
        assert expiry(proxy) > expired + 20 * 86_400
        assert line["expires"].startswith("20")

        to_send.put(b'{"seq": 1}')
        answer = json.loads(next(answers))
        assert answer["stream"] == stream and answer["seq"] == 1
        to_send.put(None)
        assert list(answers) == []
    assert reloads(proxy, "applied") == 1 and reloads(proxy, "failed") == 0


def test_files_that_do_not_fit_change_nothing(proxy, authority, pair):
    before = serial(proxy, authority)
    stranger = authority.issue("stranger")
    put(stranger.key, pair.key)
    line = wait_for(proxy, REFUSED)
    assert "key values mismatch" in line["reason"] and line["level"] == "error"
    assert serial(proxy, authority) == before
    assert reloads(proxy, "failed") == 1
    put(stranger.pem, pair.pem)
    wait_for(proxy, RELOADED)
    assert serial(proxy, authority) != before


def test_file_that_goes_and_comes_back(proxy, authority, pair):
    before = serial(proxy, authority)
    kept = pair.pem.read_bytes()
    pair.pem.unlink()
    assert "current.pem" in wait_for(proxy, REFUSED)["reason"]
    assert serial(proxy, authority) == before
    pair.pem.write_bytes(kept)
    wait_for(proxy, RELOADED)
    assert serial(proxy, authority) == before


def test_sighup_reads_at_once(proxy, authority, pair):
    proxy.process.signal(signal.SIGHUP)
    wait_for(proxy, RELOADED)
    exchange(pair, authority.issue("renewed"))
    proxy.process.signal(signal.SIGHUP)
    wait_for(proxy, RELOADED, 2)
    assert reloads(proxy, "applied") == 2
    assert proxy.stop() == 0


def test_upstream_files(start_backend, start_proxy, open_channel, authority, tmp_path):
    """A backend that changes to another authority is reached again once the Proxy is given that authority."""
    strangers = tmp_path / "strangers"
    strangers.mkdir()
    other = Authority(strangers)
    certificate = other.issue("backend")
    backend = start_backend("blue", tls_cert=certificate.pem, tls_key=certificate.key)
    trusted = tmp_path / "trusted.pem"
    shutil.copy(authority.pem, trusted)
    proxy = start_proxy(blue=backend.address, green="127.0.0.1:1", upstream_tls=True, upstream_tls_ca=trusted)
    proxy.admin.wait_health("blue", "unhealthy")
    put(other.pem, trusted)
    assert wait_for(proxy, RELOADED)["use"] == "upstreams"
    proxy.admin.wait_health("blue", "healthy")
    assert open_channel(proxy.address).unary_unary("/echo.Echo/Unary")(b"again", timeout=15) == b"again"
