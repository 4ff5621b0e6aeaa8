"""Settings: flags before environment before file, and errors that say what is wrong."""

import os
import re
import socket
from pathlib import Path

import pytest

from harness.admin import AdminClient
from harness.ports import free_port
from harness.process import BINARIES, run
from harness.proxy import listening, options, run_proxy

USAGE_ERROR = 64
NEEDED = {"blue": "127.0.0.1:50051", "green": "127.0.0.1:50052"}


def check(folder, env=None, **settings):
    """Runs `Proxy --check` with these settings; returns the finished process."""
    return run_proxy(folder, "--check", env=env, **settings)


def test_check_of_good_settings(tmp_path):
    done = check(tmp_path, **NEEDED)
    assert done.returncode == 0, done
    assert not (tmp_path / "state.json").exists(), "a check must leave nothing behind"


@pytest.mark.parametrize("setting, given, words", [
    ("listen", "nonsense", ["HOST:PORT"]),
    ("listen", "127.0.0.1:99999", ["99999"]),
    ("admin", "9901", ["HOST:PORT"]),
    ("blue", "127.0.0.1", ["HOST:PORT"]),
    ("green", "127.0.0.1:1,b:c:2", ["b:c:2"]),
    ("workers", "0", ["1"]),
    ("workers", "-3", []),
    ("workers", "many", []),
    ("health-check", "icmp", ["grpc", "http", "tcp", "none"]),
    ("health-check", "http://host:80/x", ["http://:PORT/PATH without a host"]),
    ("health-check", "grpc-call:/a.B/C?name=x", ["without a query"]),
    ("health-interval", "soon", ["s"]),
    ("health-interval", "0s", []),
    ("health-timeout", "-1s", []),
    ("health-rise", "0", ["1"]),
    ("health-fall", "x", []),
    ("initial", "red", ["blue", "green"]),
    ("log-level", "loud", ["debug", "info"]),
    ("shutdown-grace", "forever", []),
    ("drain-timeout", "later", ["off"]),
    ("max-header-list-size", "16k", ["1024"]),
    ("reset-budget", "0", ["1"]),
    ("write-timeout", "1ms", ["250ms"]),
    ("connection-window", "1000", ["65535"]),
    ("min-connect-backoff", "5s", ["--max-connect-backoff"]),
])
def test_bad_setting_names_itself_what_was_given_and_what_is_allowed(tmp_path, setting, given, words):
    settings = {**NEEDED, "state-file": tmp_path / "state.json", setting: given}
    flags = [f"--{name}={value}" for name, value in settings.items()]
    done = run([BINARIES / "Proxy", "--check", *flags], cwd=tmp_path)
    assert done.returncode == USAGE_ERROR, done
    assert setting in done.stderr
    # For a list, the message names the wrong element.
    assert given.split(",")[-1] in done.stderr
    for word in words:
        assert word in done.stderr
    assert "Fatal error" not in done.stderr

    # The same value in the environment gives the same error.
    others = [f"--{name}={value}" for name, value in settings.items() if name != setting]
    name = "SLUICE_" + setting.replace("-", "_").upper()
    done = run([BINARIES / "Proxy", "--check", *others], env={name: given}, cwd=tmp_path)
    assert done.returncode == USAGE_ERROR, done
    assert setting in done.stderr or name in done.stderr
    assert given.split(",")[-1] in done.stderr


def test_empty_endpoints(tmp_path):
    for given in ("", ",", "127.0.0.1:1,,127.0.0.1:2"):
        done = run([BINARIES / "Proxy", "--check", f"--green={given}"], cwd=tmp_path)
        assert done.returncode == USAGE_ERROR, done
        assert "green" in done.stderr


def test_unknown_flag():
    done = run([BINARIES / "Proxy", "--check", *options(**NEEDED), "--no-such-flag"])
    assert done.returncode == USAGE_ERROR
    assert "no-such-flag" in done.stderr


def test_help_names_every_setting():
    done = run([BINARIES / "Proxy", "--help"])
    assert done.returncode == 0
    for flag in (
        "listen", "admin", "blue", "green", "workers", "health-check", "health-interval", "health-timeout",
        "health-rise", "health-fall", "initial", "state-file", "audit-log", "access-log", "log-level",
        "admin-token-file", "shutdown-grace", "config", "check", "drain-timeout", "max-header-list-size",
        "max-header-fields", "reset-budget", "reset-refill", "control-frame-budget", "min-ping-interval",
        "max-buffered-bytes", "max-replay-bytes", "max-upstream-streams", "max-upstream-connections",
        "connect-timeout", "preface-timeout", "header-timeout", "write-timeout", "deadline-grace",
        "upstream-keepalive-timeout", "ejection-threshold", "ejection-time", "min-connect-backoff",
        "max-connect-backoff", "goaway-timeout", "stream-window", "connection-window", "trusted-peers", "proxy-protocol",
        "upstream-resets", "max-waiting", "wait-timeout", "reveal-upstream",
    ):
        assert f"--{flag}" in done.stdout, flag
    for default in ("0.0.0.0:50050", "127.0.0.1:9901", "SLUICE_"):
        assert default in done.stdout


def test_the_document_has_every_flag_and_its_default():
    """The document has the Proxy's flags and defaults; that it agrees with the table of settings is a unit test."""
    text = (Path(__file__).parents[2] / "docs" / "SETTINGS.md").read_text()
    documented = dict(re.findall(r"^\| `--([a-z-]+)[^`]*` \| `?([^`|]*)`? \|", text, re.MULTILINE))
    shown = run([BINARIES / "Proxy", "--help"]).stdout.split("OPTIONS:")[0]
    entries = {
        name: " ".join(text.split()) for name, text in re.findall(
            r"^  --([a-z-]+)(.*?)(?=^  --|^\S|\Z)", shown, re.MULTILINE | re.DOTALL,
        )
    }
    assert len(documented) > 60 and entries.keys() == documented.keys()
    for name, default in documented.items():
        if "In the environment and the file: on or off." not in entries[name]:
            assert entries[name].partition(" Default: ")[2] == (default.strip() and f"{default.strip()}."), name


def test_version():
    done = run([BINARIES / "Proxy", "--version"])
    assert done.returncode == 0
    assert any(character.isdigit() for character in done.stdout)


def test_flags_before_environment_before_file(tmp_path, start_process, blue, green):
    """Three sources set different initial colors and numbers of workers; each counts unless one of higher precedence
    sets the same."""
    config = tmp_path / "sluice.yaml"
    config.write_text(
        f"listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nblue: {blue.address}\ngreen: {green.address}\n"
        "workers: 3\ninitial: green\n"
    )

    def started(name: str, flags: list[str], env: dict[str, str]) -> dict:
        process = start_process(
            [BINARIES / "Proxy", "--config", config, "--state-file", tmp_path / f"{name}.json", *flags],
            name="Proxy", env=env, cwd=tmp_path,
        )
        ready = process.wait_for_line(listening, what="the log line that says where it listens")
        status = AdminClient(ready["admin"]).status()
        process.stop()
        return {"workers": len(status["workers"]), "active": status["active"]}

    assert started("file", [], {}) == {"workers": 3, "active": "green"}
    assert started("environment", [], {"SLUICE_WORKERS": "2"}) == {"workers": 2, "active": "green"}
    assert started("both", ["--workers", "1"], {"SLUICE_WORKERS": "2", "SLUICE_INITIAL": "blue"}) == {
        "workers": 1, "active": "blue",
    }


def test_settings_file_with_nested_lists(tmp_path, start_process, blue, green):
    """Endpoints and health checks may be YAML lists."""
    config = tmp_path / "sluice.yaml"
    config.write_text(
        "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\n"
        f"blue:\n  - {blue.address}\n  - localhost:{blue.port}\n"
        f"green: [{green.address}]\n"
        "health-check:\n  - grpc:echo.Echo\n  - tcp\n"
        f"state-file: {tmp_path / 'state.json'}\n"
    )
    process = start_process([BINARIES / "Proxy", "--config", config], name="Proxy", cwd=tmp_path)
    ready = process.wait_for_line(listening, what="the log line that says where it listens")
    admin = AdminClient(ready["admin"])
    admin.wait_health("green", "healthy")
    assert [e["endpoint"] for e in admin.status()["colors"]["blue"]["endpoints"]] == [
        blue.address, f"localhost:{blue.port}",
    ]


@pytest.mark.parametrize("text, word", [
    ("workers: [1, 2\n", "yaml"), ("wrokers: 2\n", "wrokers"), ("workers: many\n", "workers"),
])
def test_bad_settings_file(tmp_path, text, word):
    config = tmp_path / "sluice.yaml"
    config.write_text(text)
    done = check(tmp_path, **NEEDED, config=config)
    assert done.returncode == USAGE_ERROR, done
    assert word in done.stderr
    assert str(config) in done.stderr or "workers" in done.stderr


def test_settings_file_that_is_not_there(tmp_path):
    done = check(tmp_path, **NEEDED, config=tmp_path / "missing.yaml")
    assert done.returncode == USAGE_ERROR
    assert str(tmp_path / "missing.yaml") in done.stderr


@pytest.mark.parametrize("setting", ["listen", "admin"])
def test_port_in_use(tmp_path, blue, green, setting):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        done = run_proxy(tmp_path, blue=blue.address, green=green.address, **{setting: address})
    assert done.returncode == 69, done
    about = [line for line in done.stderr.splitlines() if address in line]
    assert len(about) == 1, done.stderr
    assert "in use" in about[0]
    assert "Fatal error" not in done.stderr


def test_two_proxies_on_one_port(proxy, tmp_path, blue, green):
    """The port isn't silently shared (SO_REUSEPORT): the second Proxy says that it is taken."""
    done = run_proxy(tmp_path, blue=blue.address, green=green.address, listen=proxy.address)
    assert done.returncode != 0
    assert proxy.address in done.stderr and "in use" in done.stderr


def test_address_that_is_not_this_machines(tmp_path, blue, green):
    done = run_proxy(tmp_path, blue=blue.address, green=green.address, listen=f"192.0.2.1:{free_port()}")
    assert done.returncode == 69, done
    assert "192.0.2.1" in done.stderr and "Fatal error" not in done.stderr


def test_access_log_that_cannot_be_opened(tmp_path, blue, green):
    path = tmp_path / "missing" / "access.jsonl"
    done = run_proxy(tmp_path, blue=blue.address, green=green.address, access_log=path)
    assert done.returncode == 74, done
    assert str(path) in done.stderr


def test_environment_of_other_programs_is_no_setting(tmp_path):
    done = check(tmp_path, **NEEDED, env={"WORKERS": "zero", "PORT": "x", **os.environ})
    assert done.returncode == 0, done


@pytest.mark.parametrize("given", ["-1", "-250ms", "-0"])
def test_a_negative_number_is_out_of_range(tmp_path, given):
    """It begins as a flag does, and is a value all the same."""
    setting, allowed = ("health-timeout", "a duration from") if given.endswith("ms") else ("workers", "from 1 to 1024")
    done = run([BINARIES / "Proxy", "--check", f"--{setting}", given], cwd=tmp_path)
    assert done.returncode == USAGE_ERROR
    assert f'--{setting} is "{given}" (from the command line)' in done.stderr and allowed in done.stderr


def test_a_configuration_file_that_can_not_be_read(tmp_path):
    locked = tmp_path / "locked.yml"
    locked.write_text("workers: 2\n")
    locked.chmod(0)
    expected = {tmp_path: "is a directory", tmp_path / "none.yml": "there is no such file"}
    if os.geteuid() != 0:
        expected[locked] = "permission denied"
    for path, reason in expected.items():
        done = run([BINARIES / "Proxy", "--config", path], cwd=tmp_path)
        assert done.returncode == USAGE_ERROR
        assert done.stderr == f'Error: --config is "{path}", which can\'t be read: {reason}\n'


def test_all_faults_of_a_file_are_told_at_once(tmp_path):
    file = tmp_path / "sluice.yml"
    file.write_text("wrokers: 2\nhealth-rise: many\nlisten: [a, b]\nmax-connections: 0\n")
    done = run([BINARIES / "Proxy", "--check", "--config", file], cwd=tmp_path)
    assert done.returncode == USAGE_ERROR
    for word in ("wrokers", "health-rise", "listen", "max-connections"):
        assert word in done.stderr


@pytest.mark.parametrize("setting, status", [("audit_log", 74), ("access_log", 74)])
def test_a_log_that_is_a_pipe_is_refused(tmp_path, setting, status):
    """Opening it would wait for a reader, and writing to it for ever for one that doesn't read."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = run_proxy(tmp_path, **NEEDED, **{setting: pipe})
    assert done.returncode == status, done
    assert str(pipe) in done.stderr and "it is not a file, but a pipe, a socket or a device" in done.stderr
    done = check(tmp_path, **NEEDED, **{setting: pipe})
    assert done.returncode == USAGE_ERROR and str(pipe) in done.stderr
