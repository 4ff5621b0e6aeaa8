"""Programs that end, or refuse to start, while clients ask their HTTP servers without a pause: they end with exit
codes, not by signals.

`SLUICE_ENDS` sets how many times each program ends (30 by default; scripts/soak.sh sets 1000).
"""

import collections
import os
import signal
import ssl

import pytest

from harness import predictor as predictors
from harness.askers import Askers, http_request
from harness.certificates import Authority
from harness.ports import free_port
from harness.process import BINARIES, ManagedProcess
from harness.proxy import listening, options

ENDS = int(os.environ.get("SLUICE_ENDS", "30"))
pytestmark = pytest.mark.timeout(120 + 2 * ENDS)

# Printing a backtrace takes a crash ten seconds.
QUIET = {"SWIFT_BACKTRACE": "enable=no"}


def end_of(process: ManagedProcess) -> int:
    try:
        return process.wait(60)
    finally:
        process.kill()


@pytest.mark.parametrize("secured", [False, True], ids=["plaintext", "tls"])
def test_sigterm_while_the_admin_api_is_asked(tmp_path, secured):
    port = free_port()
    settings = {
        "listen": "127.0.0.1:0", "admin": f"127.0.0.1:{port}", "blue": "127.0.0.1:9", "green": "127.0.0.1:9",
        "health_check": "none", "access_log": "off", "state_file": tmp_path / "state.json",
        "audit_log": tmp_path / "audit.jsonl",
    }
    wrap = None
    if secured:
        pair = Authority(tmp_path).issue("admin", into=tmp_path)
        settings |= {"admin_tls_cert": pair.pem, "admin_tls_key": pair.key}
        context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        wrap = context.wrap_socket
    codes: collections.Counter = collections.Counter()
    with Askers(f"127.0.0.1:{port}", http_request("/healthz"), wrap) as askers:
        for _ in range(ENDS):
            proxy = ManagedProcess([BINARIES / "Proxy", *options(**settings)], name="Proxy", env=QUIET)
            proxy.wait_for_line(listening, what="the log line that says where it listens")
            askers.wait_answers(4)
            proxy.signal(signal.SIGTERM)
            codes[end_of(proxy)] += 1
    print(f"{ENDS} ends: {dict(codes)}; {askers.answered} answers")
    assert codes == {0: ENDS}


#: By interface: the setting of the Predictor's port, and the request that clients send to it.
INTERFACES = {"http": ("HTTP_PORT", http_request("/health")), "grpc": ("PORT", None)}


@pytest.mark.parametrize("interface", INTERFACES)
@pytest.mark.parametrize("how", ["sigterm", "refused_model"])
def test_end_of_the_predictor_while_it_is_asked(how, interface):
    setting, request = INTERFACES[interface]
    port = free_port()
    settings = {setting: str(port), **QUIET}
    if how == "refused_model":
        # The model is refused only after it has been read, when both ports have been open for a while.
        settings["MODEL_VERSION"] = "v0.0.0"
    codes: collections.Counter = collections.Counter()
    with Askers(f"127.0.0.1:{port}", request) as askers:
        for _ in range(ENDS):
            process = ManagedProcess(
                [predictors.BINARY], name="Predictor",
                env=predictors.environment(predictors.model("v1.0.0"), **settings))
            if how == "sigterm":
                process.wait_for_line(lambda line: '"message":"serving"' in line, what="line that it serves")
                askers.wait_answers(4)
                process.signal(signal.SIGTERM)
            codes[end_of(process)] += 1
    print(f"{ENDS} ends: {dict(codes)}; {askers.answered} answers")
    assert askers.answered > 0
    assert codes == {65 if how == "refused_model" else 0: ENDS}
