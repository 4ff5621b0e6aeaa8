"""Fixtures: programs that end with their tests, and what the tests' models were trained on.

These tests have an environment of their own (requirements.in says why); scripts/inference-peers.sh makes it and runs them.
"""

import os
import pickle

# Set before grpc is imported. Its log lines about connections that tests break on purpose are noise.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from harness import predictor as predictors
from harness.predictor import Predictor
from harness.process import ManagedProcess
from harness.proxy import Proxy

IRIS = load_iris()


def start(model, **settings) -> Predictor:
    process = ManagedProcess([predictors.BINARY], name="predictor", env=predictors.environment(model, **settings))
    try:
        return Predictor(process)
    except BaseException:
        process.kill()
        raise


@pytest.fixture(scope="session")
def forest():
    """A classifier with numbers for labels."""
    return RandomForestClassifier(20, random_state=1).fit(IRIS.data, IRIS.target)


@pytest.fixture(scope="session")
def predictor(forest, tmp_path_factory):
    """A Predictor that serves the forest as `forest`, version `v7`."""
    path = tmp_path_factory.mktemp("models") / "forest.pkl"
    path.write_bytes(pickle.dumps(forest))
    running = start(path, MODEL_NAME="forest", MODEL_VERSION="v7")
    yield running
    assert running.process.stop() == 0, running.process.tail()


@pytest.fixture(scope="session")
def proxy(predictor, tmp_path_factory):
    """A Proxy in front of the Predictor."""
    running = Proxy(tmp_path_factory.mktemp("proxy"), blue=predictor.address, green=predictor.address)
    try:
        for color in ("blue", "green"):
            running.admin.wait_health(color, "healthy")
        yield running
    finally:
        running.kill()


@pytest.fixture(scope="session", params=["direct", "proxy"])
def grpc_address(request, predictor):
    """Where gRPC is spoken: the Predictor itself, or the Proxy in front of it."""
    return predictor.address if request.param == "direct" else request.getfixturevalue("proxy").address


@pytest.fixture
def start_predictor(request):
    """Starts a Predictor for this test."""

    def start_one(model, **settings) -> Predictor:
        running = start(model, **settings)
        request.addfinalizer(running.process.kill)
        return running

    return start_one
