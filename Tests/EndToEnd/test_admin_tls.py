"""TLS for the admin API: curl, the scripts, a token beside it, and certificates that change."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import urllib.request

import pytest

from harness.certificates import NO_SUITES, SUITES, Authority, openssl_client
from harness.process import BINARIES, ROOT, eventually, run
from harness.proxy import listening, options, run_proxy

TOKEN = "s3cr3t-of-the-tests"


@pytest.fixture
def authority(tmp_path):
    folder = tmp_path / "authority"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture
def secured(request, start_process, blue, green, authority, tmp_path):
    """A Proxy whose admin API has TLS and a token; yields the API's URL and the certificate's files.

    A test's parameter may set the kind of the certificate's key.
    """
    key = request.node.callspec.params.get("key", "ec") if hasattr(request.node, "callspec") else "ec"
    pair = authority.issue("admin", into=tmp_path, key=key)
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    process = start_process(
        [BINARIES / "Proxy", *options(
            listen="127.0.0.1:0", admin="127.0.0.1:0", blue=blue.address, green=green.address, access_log="off",
            state_file=tmp_path / "state.json", audit_log=tmp_path / "audit.jsonl", health_interval="100ms",
            admin_tls_cert=pair.pem, admin_tls_key=pair.key, admin_token_file=token,
        )],
        name="Proxy",
    )
    address = process.wait_for_line(listening, what="the log line that says where it listens")["admin"]
    return process, f"https://{address}", pair


def curl(*arguments: str) -> subprocess.CompletedProcess:
    return run(["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "15", *map(str, arguments)])


def authorized(authority) -> list[str]:
    return ["--cacert", str(authority.pem), "--header", f"Authorization: Bearer {TOKEN}"]


def test_curl(secured, authority):
    _, url, _ = secured
    answer = curl(*authorized(authority), f"{url}/status")
    assert json.loads(answer.stdout)["active"] == "blue", answer
    assert "unable to get local issuer" in curl(f"{url}/status").stderr
    trusting = ["--cacert", authority.pem]
    assert curl(*trusting, "--write-out", "%{http_code}", "--output", "/dev/null", f"{url}/status").stdout == "401"
    assert curl("--cacert", authority.pem, "--tls-max", "1.2", f"{url}/healthz").returncode == 0


@pytest.mark.parametrize(("key", "suite"), SUITES)
def test_suites_of_tls_1_2(secured, authority, key, suite):
    _, url, _ = secured
    said = openssl_client(url.removeprefix("https://"), authority.pem, suite, "http/1.1")
    assert f"Cipher is {suite}" in said, said


@pytest.mark.parametrize(("key", "suites"), NO_SUITES)
def test_suites_that_are_refused(secured, authority, key, suites):
    _, url, _ = secured
    said = openssl_client(url.removeprefix("https://"), authority.pem, suites, "http/1.1")
    assert "handshake failure" in said and "Cipher is (NONE)" in said, said
    assert curl(*authorized(authority), f"{url}/healthz").returncode == 0


def test_plaintext_is_refused(secured, authority):
    _, url, _ = secured
    answer = curl(f"{url.replace('https', 'http')}/healthz")
    assert answer.returncode != 0 and answer.stdout == ""
    # The API still serves the others.
    assert curl(*authorized(authority), f"{url}/healthz").returncode == 0


def test_scripts(secured, authority, tmp_path):
    _, url, _ = secured
    environment = {
        "SLUICE_ADMIN": url, "SLUICE_ADMIN_TOKEN_FILE": str(tmp_path / "token"), "CURL_CA_BUNDLE": str(authority.pem),
    }

    def status() -> dict:
        return json.loads(curl(*authorized(authority), f"{url}/status").stdout)

    eventually(lambda: status()["colors"]["green"]["state"] == "healthy", what="green is healthy")
    switched = run([ROOT / "scripts/switch.sh"], env=environment)
    assert switched.returncode == 0, switched
    assert status()["active"] == "green"
    assert run([ROOT / "scripts/switch.sh"], env={**environment, "CURL_CA_BUNDLE": "/dev/null"}).returncode != 0


def test_new_certificate_without_restart(secured, authority):
    process, url, pair = secured
    host, port = url.removeprefix("https://").rsplit(":", 1)

    def serial() -> str:
        context = ssl.create_default_context(cafile=authority.pem)
        with socket.create_connection((host, int(port)), timeout=15) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                return connection.getpeercert()["serialNumber"]

    before = serial()
    renewed = authority.issue("renewed", days=30)
    for new, old in ((renewed.key, pair.key), (renewed.pem, pair.pem)):
        shutil.copy(new, f"{old}.new")
        os.replace(f"{old}.new", old)
    process.wait_for_line(
        lambda line: '"certificates reloaded"' in line and '"use":"admin"' in line, what="the log line"
    )
    assert serial() != before
    request = urllib.request.Request(f"{url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=authority.pem)),
    )
    with opener.open(request, timeout=15) as answer:
        assert b'sluice_tls_certificate_expiry_timestamp_seconds{use="admin"}' in answer.read()


@pytest.mark.parametrize(
    ("certificate", "key", "named"),
    [("one.pem", None, "--admin-tls-cert"), ("one.pem", "two.key", "two.key"), ("none.pem", "one.key", "none.pem")],
)
def test_files_that_do_not_fit(tmp_path, authority, certificate, key, named):
    for name in ("one", "two"):
        authority.issue(name)
    given = {"admin_tls_cert": authority.folder / certificate, "admin_tls_key": key and authority.folder / key}
    ended = run_proxy(tmp_path, "--check", **given)
    assert ended.returncode == 64
    assert named in ended.stderr
