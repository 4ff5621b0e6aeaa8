"""The bearer token of the admin API."""

import pytest

from harness.admin import AdminClient
from harness.process import BINARIES
from harness.proxy import listening, options, run_proxy

TOKEN = "s3cret-token-0123456789"


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "deployer.token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def guarded(start_proxy, blue, green, token_file):
    proxy = start_proxy(blue=blue.address, green=green.address, token=TOKEN, admin_token_file=token_file)
    proxy.admin.wait_health("green", "healthy")
    return proxy


@pytest.mark.parametrize("method, path", [
    ("POST", "/switch"), ("POST", "/rollback"), ("GET", "/status"), ("GET", "/history"), ("GET", "/metrics"),
    ("GET", "/nowhere"),
])
def test_without_the_token_nothing_is_told_or_done(guarded, method, path):
    for token in (None, "wrong", TOKEN + "x", TOKEN[:-1], TOKEN.upper(), ""):
        answer = AdminClient(guarded.admin.address, token=token).request(method, path)
        assert answer.status == 401, f"token {token!r}"
        assert answer.error
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert TOKEN not in answer.error
    assert guarded.admin.status()["epoch"] == 1


@pytest.mark.parametrize("authorization", [TOKEN, f"Basic {TOKEN}", f"Bearer  {TOKEN}", f"Bearer {TOKEN} x"])
def test_other_forms_of_authorization_are_refused(guarded, authorization):
    client = AdminClient(guarded.admin.address)
    assert client.post("/switch", headers={"Authorization": authorization}).status == 401


def test_with_the_token(guarded):
    receipt = guarded.admin.switch()
    assert receipt["to"] == "green"
    # The receipt has the token's name, never the token.
    assert receipt["who"] and receipt["who"] != "127.0.0.1"
    assert "deployer" in receipt["who"]
    assert guarded.audit()[-1]["who"] == receipt["who"]
    assert TOKEN not in guarded.audit_log.read_text()
    assert TOKEN not in "\n".join(guarded.process.stderr)


def test_probes_need_no_token(guarded):
    client = AdminClient(guarded.admin.address)
    assert client.get("/healthz").status == 200
    assert client.get("/readyz").status == 200


@pytest.mark.parametrize("admin", ["0.0.0.0:0", "[::]:0"])
def test_required_when_the_admin_address_is_not_loopback(tmp_path, blue, green, token_file, start_process, admin):
    settings = {"admin": admin, "blue": blue.address, "green": green.address}
    done = run_proxy(tmp_path, **settings)
    assert done.returncode == 64
    assert "admin-token-file" in done.stderr
    started = start_process(
        [
            BINARIES / "Proxy",
            *options(
                **settings, listen="127.0.0.1:0", admin_token_file=token_file,
                state_file=tmp_path / "state.json", audit_log=tmp_path / "audit.jsonl",
            ),
        ],
        name="Proxy",
    )
    assert started.wait_for_line(listening, what="the log line that says where it listens")


def test_token_file_that_is_missing_or_empty(tmp_path, blue, green):
    empty = tmp_path / "empty.token"
    empty.write_text("\n")
    for path in (tmp_path / "missing.token", empty):
        done = run_proxy(tmp_path, blue=blue.address, green=green.address, admin_token_file=path)
        assert done.returncode != 0
        assert str(path) in done.stderr
