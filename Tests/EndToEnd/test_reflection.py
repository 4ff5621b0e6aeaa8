"""Server reflection: what the Proxy's client of it reads of grpcio's server is what the comparison of answers needs.

The client is tested by a test of its own module, which is told here which server to ask.
"""

import os
import subprocess

import pytest

from harness.process import BINARIES
from test_truth import VersionServer

TESTS = BINARIES / "sluicePackageTests.xctest"
METHODS = ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "/prediction.v1.PredictionService/Predict"]


def ask(address: str, **settings: str) -> str:
    """Runs the test; returns what it says."""
    if not TESTS.exists():
        pytest.skip("the unit tests are not built: scripts/swift.sh build --product sluicePackageTests")
    environment = {f"SLUICE_REFLECTION_{name.upper()}": value for name, value in settings.items()}
    done = subprocess.run(
        [TESTS, "--testing-library", "swift-testing", "--filter", "LiveReflectionTests"], capture_output=True, text=True,
        timeout=60, env={**os.environ, "SLUICE_REFLECTION_SERVER": address, **environment}, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "1 test" in said and "skipped" not in said, said
    return said


@pytest.mark.parametrize("name", ["v1", "v1alpha"])
def test_reads_the_descriptors_of_a_server(start_process, name):
    server = VersionServer(start_process, "--reflection", name)
    ask(server.address, methods=",".join(METHODS))


def test_says_why_there_are_none(start_process):
    ask(VersionServer(start_process).address, failure="gRPC status UNIMPLEMENTED")
    ask("127.0.0.1:1", failure="refused")
