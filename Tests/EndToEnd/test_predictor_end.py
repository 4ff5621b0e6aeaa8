"""The end of a Predictor under load: nothing that it has taken is lost, and it is back on its ports at once.

test_predictor.py has the end of a single stream and of idle connections; test_ends_among_clients.py that of hundreds of
processes, without looking at answers.
"""

import contextlib
import http.client
import json
import pickle
import signal
import socket
import threading
import time

import grpc
import numpy
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from harness import predictor as predictors
from harness import process as processes
from harness.ports import free_port
from harness.process import eventually
from harness.raw_http2 import RawConnection, grpc_message, grpc_request
from harness.predictor_witness import INFER, PATHS, infer_request

IRIS = load_iris()
LABELS = ["setosa", "versicolor", "virginica"]


@pytest.fixture(scope="session")
def forest(tmp_path_factory):
    """A forest, whose batches of thousands of rows go to the pool, and what it says of the irises."""
    path = tmp_path_factory.mktemp("end") / "forest.pkl"
    model = RandomForestClassifier(100, random_state=1).fit(IRIS.data, IRIS.target_names[IRIS.target])
    path.write_bytes(pickle.dumps(model))
    return path, model.predict(IRIS.data).tolist()


@pytest.fixture
def start(start_process, forest):
    """Starts a Predictor of the forest, on ports that stay the same."""
    ports = {"PORT": str(free_port()), "HTTP_PORT": str(free_port())}

    def start_one(**settings) -> predictors.Predictor:
        environment = predictors.environment(forest[0], **{"MODEL_VERSION": "v1", **ports, **settings})
        return predictors.Predictor(start_process([predictors.BINARY], name="predictor", env=environment))

    return start_one


def request(indices) -> object:
    """A request for some of the irises."""
    messages, _ = predictors.stubs("inference")
    return messages.ModelInferRequest.FromString(infer_request(IRIS.data[indices].tolist(), f"{len(indices)}"))


def labels(answer) -> list[str]:
    raw, found, at = answer.raw_output_contents[0], [], 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 4], "little")
        found.append(raw[at + 4 : at + 4 + size].decode())
        at += 4 + size
    return found


LOADING = "the model is still being loaded"


class Loading(Exception):
    """The process has no model yet."""


class Callers:
    """Clients that call without a pause, from `with` to its end: single rows, batches for the pool, streams that begin and
    end, and HTTP. Every call has to succeed, whatever becomes of connections: over gRPC the client's own rules for what it may
    send again are in force; an HTTP request is sent again if nobody listened, or, at most once for each client and end, if
    its connection was reset: Linux resets what comes between the last accept() and the close() of a listening socket. Otherwise
    only calls of a process that says it has no model yet are tried again.
    """

    #: Clients over HTTP.
    CLIENTS = 2

    def __init__(self, address: str, http_address: str, forest_labels: list[str]):
        self._address, self._http_address, self._labels = address, http_address, forest_labels
        self._stop = threading.Event()
        self.counts = dict.fromkeys(("rows", "batches", "streams", "http"), 0)
        self.failures: list[str] = []
        self.resets = 0
        loops = {"rows": self._rows, "batches": self._batches, "streams": self._streams, "http": self._http}
        self._threads = [
            threading.Thread(target=self._run, args=(name, loop), daemon=True)
            for name, loop in loops.items() for _ in range(self.CLIENTS)
        ]  # fmt: skip

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        print(self.counts)

    def wait_calls(self, more: int) -> None:
        """Waits until each kind has made some more calls."""
        until = {name: count + more for name, count in self.counts.items()}
        eventually(
            lambda: self.failures or all(self.counts[name] >= least for name, least in until.items()),
            what=f"{more} calls of each kind: {self.counts}", timeout=60)

    def check(self) -> None:
        assert self.failures == [], self.failures[:5]

    def _run(self, name: str, loop) -> None:
        _, services = predictors.stubs("inference")
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 50),
                   ("grpc.min_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 100)]  # fmt: skip
        with grpc.insecure_channel(self._address, options=options) as channel:
            stub = services.GRPCInferenceServiceStub(channel)
            while not self._stop.is_set():
                try:
                    loop(stub)
                    self.counts[name] += 1
                except (grpc.RpcError, Loading) as error:
                    if isinstance(error, Loading) or error.details() == LOADING:
                        self._stop.wait(0.005)
                        continue
                    self.failures.append(f"{name}: {error!r}")
                    return
                except Exception as error:  # Any error is a lost call.
                    self.failures.append(f"{name}: {error!r}")
                    return

    def _rows(self, stub) -> None:
        index = self.counts["rows"] % 150
        answer = stub.ModelInfer(request([index]), wait_for_ready=True, timeout=30)
        assert labels(answer) == [self._labels[index]]

    def _batches(self, stub) -> None:
        indices = [index % 150 for index in range(5_000)]
        answer = stub.ModelInfer(request(indices), wait_for_ready=True, timeout=30)
        assert labels(answer) == [self._labels[index] for index in indices]

    def _streams(self, stub) -> None:
        sizes = [1, 3, 2_000, 2, 2_000]
        answers = list(stub.ModelStreamInfer(
            (request([index % 150 for index in range(size)]) for size in sizes), wait_for_ready=True, timeout=30))
        assert [answer.error_message for answer in answers] == [""] * len(sizes)
        assert [len(labels(answer.infer_response)) for answer in answers] == sizes

    def _http(self, stub) -> None:
        index = self.counts["http"] % 150
        body = json.dumps({"instances": [IRIS.data[index].tolist()]})
        while True:
            connection = http.client.HTTPConnection(self._http_address, timeout=30)
            try:
                connection.connect()
            except ConnectionRefusedError:
                self._stop.wait(0.01)
                continue
            try:
                connection.request("POST", "/predict", body, {"Connection": "close"})
                answer = json.loads(connection.getresponse().read())
            except (ConnectionResetError, BrokenPipeError):
                self.resets += 1
                continue
            finally:
                connection.close()
            if answer.get("error") == LOADING:
                raise Loading
            assert answer["predictions"] == [self._labels[index]], answer
            return


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_lost_from_one_process_to_the_next(start, forest, number):
    """Six ends under load, each followed by a start on the same ports."""
    predictor = start()
    with Callers(predictor.address, predictor.http_address, forest[1]) as callers:
        for _ in range(6):
            callers.wait_calls(5)
            began = time.monotonic()
            predictor.process.signal(number)
            assert predictor.process.wait(20) == 0
            # grpcio now and then spends five seconds on finding out that a connection takes no more calls, and answers no
            # PING meanwhile; the Predictor waits for it no longer than that.
            assert time.monotonic() - began < 10
            predictor = start()
        callers.wait_calls(5)
    callers.check()
    print(f"{callers.resets} HTTP connections were reset")
    assert callers.resets <= 6 * Callers.CLIENTS
    assert predictor.process.stop() == 0


def under_way(connection: RawConnection, rows: int, count: int):
    """Batches that are asked for and not answered."""
    message = grpc_message(infer_request(numpy.resize(IRIS.data, (rows, 4)).tolist()))
    streams = [connection.open(grpc_request(PATHS[INFER])) for _ in range(count)]
    for stream in streams:
        stream.send_data(message, end_stream=True)
    connection.ping()
    return streams


def test_batches_that_wait_are_worked_out_before_the_end(start):
    """The pool's queue is emptied within the grace."""
    predictor = start()
    with RawConnection.connect(predictor.address) as connection:
        streams = under_way(connection, 20_000, 20)
        assert predictor.load()[0] > 10
        predictor.process.signal(signal.SIGTERM)
        assert predictor.process.wait(40) == 0
        for stream in streams:
            stream.wait_end()
            assert stream.grpc_status == b"0" and len(stream.data) > 20_000


def test_a_grace_that_is_too_short(start):
    """What isn't worked out when the grace is over is answered by UNAVAILABLE, and the process ends with 0."""
    predictor = start(SHUTDOWN_GRACE="300ms")
    with RawConnection.connect(predictor.address) as connection:
        streams = under_way(connection, 100_000, 20)
        began = time.monotonic()
        predictor.process.signal(signal.SIGTERM)
        assert predictor.process.wait(20) == 0
        assert time.monotonic() - began < 6
        for stream in streams:
            stream.wait_end()
        statuses = [stream.grpc_status for stream in streams]
        assert set(statuses) <= {b"0", b"14"} and statuses.count(b"14") >= 10, statuses
        last = next(stream for stream in streams if stream.grpc_status == b"14")
        assert b"shutting down" in last.grpc_status_message


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_changes_nothing(start, again):
    """Whoever asks twice waits for the calls under way, as whoever asks once; the grace bounds it."""
    predictor = start()
    with RawConnection.connect(predictor.address) as connection:
        (stream,) = [connection.open(grpc_request("/inference.GRPCInferenceService/ModelStreamInfer"))]
        stream.send_data(grpc_message(infer_request([IRIS.data[0].tolist()], "1")))
        stream.wait_data(20)
        predictor.process.signal(signal.SIGTERM)
        predictor.process.wait_for_line(lambda line: '"message":"stopping"' in line, what="line that it stops")
        for _ in range(3):
            predictor.process.signal(again)
        stream.send_data(grpc_message(infer_request([IRIS.data[0].tolist()], "2")), end_stream=True)
        stream.wait_end()
        assert len(stream.messages) == 2 and stream.grpc_status == b"0"
    assert predictor.process.wait(10) == 0


def test_new_calls_on_old_connections_while_it_ends(start):
    """After the second GOAWAY, calls on the same connection are refused so that they may be sent elsewhere, and calls before
    it are answered."""
    predictor = start()
    with RawConnection.connect(predictor.address) as connection:
        held = connection.open(grpc_request("/inference.GRPCInferenceService/ModelStreamInfer"))
        held.send_data(grpc_message(infer_request([IRIS.data[0].tolist()])))
        held.wait_data(20)
        predictor.process.signal(signal.SIGTERM)
        connection.wait(lambda: len(connection.goaways) >= 2, "two GOAWAYs")
        assert connection.goaways[-1][0] == held.id
        late = connection.open(grpc_request(PATHS[INFER]))
        with contextlib.suppress(AssertionError):
            late.send_data(grpc_message(infer_request([IRIS.data[0].tolist()])), end_stream=True)
        held.send_data(b"", end_stream=True)
        assert held.wait_end().grpc_status == b"0"
        assert late.headers is None
    assert predictor.process.wait(10) == 0


def test_kill_and_start_again_on_the_same_ports(start, forest):
    """SIGKILL in the midst of calls; the next process has both ports at once, though the old connections linger."""
    for _ in range(5):
        predictor = start()
        connections = [RawConnection.connect(predictor.address) for _ in range(3)]
        for connection in connections:
            under_way(connection, 5_000, 3)
        predictor.process.kill()
        again = start()
        assert (again.address, again.http_address) == (predictor.address, predictor.http_address)
        assert again.predict([IRIS.data[0].tolist()])["predictions"] == [forest[1][0]]
        for connection in connections:
            connection.wait_closed()
            connection.close()
        again.process.kill()


def test_two_processes_on_the_same_ports(start, forest):
    """The second one says which setting to change, and the first goes on."""
    predictor = start()
    port = predictor.address.rsplit(":", 1)[1]
    environment = predictors.environment(forest[0], MODEL_VERSION="v1", PORT=port)
    result = processes.run([predictors.BINARY], env=environment)
    assert result.returncode == 69
    assert result.stderr == f"Error: PORT: can't listen on 127.0.0.1:{port}: address already in use\n"
    assert predictor.predict([IRIS.data[0].tolist()])["predictions"] == [forest[1][0]]


def test_a_client_that_reads_nothing_does_not_hold_up_the_end(start):
    """Its answers can't leave, which the grace bounds."""
    predictor = start(SHUTDOWN_GRACE="1s")
    with socket.create_connection(predictor.address.rsplit(":", 1)) as silent:
        silent.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        with RawConnection.connect(predictor.address, auto_window=False) as connection:
            under_way(connection, 100_000, 3)
            began = time.monotonic()
            predictor.process.signal(signal.SIGTERM)
            assert predictor.process.wait(20) == 0
            assert time.monotonic() - began < 6


def test_http_requests_that_wait_to_be_accepted(start, forest):
    """Requests whose connections are made before the signal, and not accepted yet, are answered."""
    predictor = start()
    host, port = predictor.http_address.rsplit(":", 1)
    body = json.dumps({"instances": [IRIS.data[0].tolist()]})
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    predictor.process.pause()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection((host, int(port)), timeout=20)) for _ in range(8)]
        for client in clients:
            client.sendall((head + body).encode())
        predictor.process.signal(signal.SIGTERM)
        predictor.process.signal(signal.SIGCONT)
        for client in clients:
            assert client.recv(12) == b"HTTP/1.1 200"
    assert predictor.process.wait(20) == 0


def test_a_deadline_while_a_batch_waits(start):
    """A call that waits for the pool is answered when its deadline is over, by the server itself."""
    predictor = start()
    with RawConnection.connect(predictor.address) as connection:
        under_way(connection, 100_000, 20)
        began = time.monotonic()
        late = connection.open(grpc_request(PATHS[INFER], ("grpc-timeout", "300m")))
        late.send_data(grpc_message(infer_request(numpy.resize(IRIS.data, (10_000, 4)).tolist())), end_stream=True)
        late.wait_end()
        assert late.grpc_status == b"4" and 0.25 < time.monotonic() - began < 1.5


# MARK: Folders of models that can't be served


def refusal(folder) -> str:
    result = processes.run([predictors.BINARY], env=predictors.environment(folder))
    assert result.returncode == 65, (result.returncode, result.stderr)
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Error: {folder}"), line
    return line


def test_folders_that_hold_no_model(tmp_path):
    assert "no model" in refusal(tmp_path)
    (tmp_path / "iris").mkdir()
    assert "iris" in refusal(tmp_path)
    (tmp_path / "iris" / "1").mkdir()
    assert "iris/1" in refusal(tmp_path)


def test_a_broken_model_beside_good_ones(tmp_path, forest):
    """Nothing is served if one can't be: a typing error must not go unnoticed."""
    for name in ("good", "bad"):
        (tmp_path / name / "1").mkdir(parents=True)
        (tmp_path / name / "1" / "model.pkl").write_bytes(forest[0].read_bytes())
    path = tmp_path / "bad" / "1" / "model.pkl"
    path.write_bytes(path.read_bytes()[:-100])
    line = refusal(tmp_path)
    assert f"{path}: byte " in line and "good" not in line
