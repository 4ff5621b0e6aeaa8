"""docs/YOUR-SERVICE.md: its commands without containers, run to the letter, and the examples that they use."""

import os
import re
import signal
import struct
import sys

import grpc
import pytest
from documents import blocks

from harness.fresh_checkout import FreshCheckout, answered_by, ctrl_c, end_session, session_members
from harness.ports import free_port
from harness.process import ROOT, run

EXAMPLES = ("own-service", "open-inference")
DOCUMENT = "docs/YOUR-SERVICE.md"


def test_two_processes(tmp_path, start_process):
    """Both examples in one checkout, each ended as shown, so that the next begins as the first did."""
    checkout = FreshCheckout(tmp_path, start_process)
    shown = blocks(DOCUMENT)
    for example in EXAMPLES:
        # What is typed after Ctrl-C is in the same terminal.
        servers = checkout.start(shown[f"{example} processes"] + shown["processes end"], "servers")
        try:
            # A person takes longer to get to the other terminal than the servers to start.
            for color in ("blue", "green"):
                servers.wait_for_line(
                    lambda line, c=color: '"endpoint is healthy"' in line and f'"color":"{c}"' in line,
                    what=f"healthy {color}",
                )
            client = checkout.start(shown[f"{example} client"], "client")
            seen = answered_by(client, "v1")
            checkout.run(shown["switch"], "switch")
            answered_by(client, "v2", start=seen)
            assert ctrl_c(client) == 0
            assert re.fullmatch(r"answered: \d+ by v1, \d+ by v2", client.stdout[-1])
            assert list(checkout.folder.glob("sluice-*"))
            assert ctrl_c(servers) == 0
            assert not session_members(servers)
            assert not list(checkout.folder.glob("sluice-*"))
        finally:
            end_session(servers)


@pytest.fixture
def start_example(start_process):
    """Starts a version of an example's server; returns its address and process."""

    def start(example: str, version: str):
        port = free_port()
        process = start_process(
            [sys.executable, "-u", ROOT / "deploy/examples" / example / "server.py"],
            name=f"{example} {version}", env={"VERSION": version, "PORT": str(port)},
        )
        process.wait_for_line(lambda line: f"{version} serves on port {port}" in line, what="start", stream="stdout")
        return f"127.0.0.1:{port}", process

    return start


@pytest.mark.parametrize("example", EXAMPLES)
def test_smoke_command(example, start_example):
    """It tells the right version from a wrong one and from none, and says so in its last line."""
    addresses = [start_example(example, "v2")[0] for _ in range(2)]

    def smoke(expected: str, *asked: str):
        done = run(
            [sys.executable, ROOT / "deploy/examples" / example / "smoke.py"],
            env={"DEPLOY_ADDRESSES": ",".join(asked), "DEPLOY_EXPECTED_VERSION": expected},
        )
        return done.returncode, (done.stdout + done.stderr).splitlines()[-1]

    assert smoke("v2", *addresses)[0] == 0
    code, reason = smoke("v1", *addresses)
    assert code == 1 and reason.startswith(f"{addresses[0]}: v2 says") and "v1 should say" in reason
    nobody = f"127.0.0.1:{free_port()}"
    code, reason = smoke("v2", addresses[0], nobody)
    assert code == 1 and reason.startswith(f"{nobody}: UNAVAILABLE")


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_taken_port_is_an_error(example, start_example, start_process):
    address, _ = start_example(example, "v1")
    second = start_process(
        [sys.executable, "-u", ROOT / "deploy/examples" / example / "server.py"],
        name=f"second {example}", env={"VERSION": "v2", "PORT": address.rpartition(":")[2]},
    )
    assert second.wait() != 0
    assert any("Failed to bind" in line for line in second.stderr), second.tail()


@pytest.mark.parametrize("example", EXAMPLES)
def test_server_ends_in_order(example, start_example):
    _, process = start_example(example, "v1")
    process.signal(signal.SIGTERM)
    assert process.wait() == 0


def test_examples_have_the_interface_of_the_protocol(open_channel, start_example):
    """The Open Inference Protocol's example answers raw contents with raw ones, as Triton's client needs it."""
    folder = os.fspath(ROOT / "deploy/examples/open-inference")
    sys.path.insert(0, folder)
    messages, services = grpc.protos_and_services("inference.proto")
    sys.path.remove(folder)
    stub = services.GRPCInferenceServiceStub(open_channel(start_example("open-inference", "v7")[0]))
    assert stub.ServerLive(messages.ServerLiveRequest()).live and stub.ServerReady(messages.ServerReadyRequest()).ready
    assert not stub.ModelReady(messages.ModelReadyRequest(name="none")).ready
    request = messages.ModelInferRequest(model_name="sum", id="x")
    request.inputs.add(name="numbers", datatype="FP32", shape=[2, 2])
    request.raw_input_contents.append(struct.pack("<4f", 1, 2, 3, 4))
    response = stub.ModelInfer(request)
    assert (response.model_version, response.id) == ("v7", "x")
    assert struct.unpack("<2f", response.raw_output_contents[0]) == (3, 7)
    request.inputs[0].shape[0] = 3
    with pytest.raises(grpc.RpcError) as failure:
        stub.ModelInfer(request)
    assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
