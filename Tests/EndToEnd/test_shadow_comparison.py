"""What a shadow step says of both colors' answers, held against comparisons that the tests make themselves."""

import gzip
import itertools
import json
import math
import zlib

import grpc
import pytest
from grpc_tools import protoc
from harness import predictor as predictors
from harness.process import ROOT, eventually
from harness.shadow import METHOD, Answer, Shadowed, answer, call, delimited, descriptors, number, starter
from sklearn.datasets import load_iris

IRIS = load_iris().data.tolist()
SERVICE = "/prediction.v1.PredictionService"


@pytest.fixture
def start_shadowed(start_proxy, start_raw_backend):
    return starter(start_proxy, start_raw_backend)


@pytest.fixture
def typed(tmp_path):
    return descriptors(tmp_path)


def lower_bound(agreeing: int, compared: int) -> float:
    """The lower confidence bound of the share, which is wrong with a chance of 5 %: by the mixture of likelihoods with
    a beta distribution of 20 and 0.5 (Howard et al.)."""
    if agreeing == 0:
        return 0.0

    def log_beta(a, b):
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    misses = compared - agreeing
    evidence = log_beta(agreeing + 20, misses + 0.5) - log_beta(20, 0.5) + math.log(0.05)
    low, high = 0.0, agreeing / compared
    for _ in range(60):
        middle = (low + high) / 2
        ratio = evidence - agreeing * math.log(middle) - (misses * math.log1p(-middle) if misses else 0)
        low, high = (middle, high) if ratio > 0 else (low, middle)
    return low


def percent(share: float) -> float:
    return math.floor(share * 10_000) / 100


def check_totals(found: dict, compared: int, agreeing: int) -> None:
    assert (found["compared"], found["agreeing"], found["given_up"]) == (compared, agreeing, {})
    assert found["agreement"] == percent(agreeing / compared)
    assert found["agreement_at_least"] == pytest.approx(percent(lower_bound(agreeing, compared)), abs=0.011)


# Predictions


class Tally:
    """The differences at a path, counted by the test."""

    def __init__(self, differs):
        self._differs = differs
        self.calls = 0
        self.distances: list[float] = []

    def add(self, pairs) -> bool:
        distances = [abs(left - right) for left, right in pairs if self._differs(left, right)]
        self.distances += distances
        self.calls += bool(distances)
        return bool(distances)

    def check(self, path: dict, compared: int) -> None:
        assert (path["calls"], path["compared"], path["values"]) == (self.calls, compared, len(self.distances))
        assert path["largest_difference"] == max(self.distances)
        assert path["mean_difference"] == pytest.approx(math.fsum(self.distances) / len(self.distances), rel=1e-12)
        assert not path["noise"]


@pytest.fixture
def versions(start_process):
    """The Predictor with v1.0.0 of the model, and with v1.1.0."""
    return [
        predictors.Predictor(
            start_process(
                [predictors.BINARY],
                name=version,
                env=predictors.environment(predictors.model(version), MODEL_VERSION=version),
            )
        )
        for version in ("v1.0.0", "v1.1.0")
    ]


@pytest.fixture
def prediction_types(tmp_path):
    path = tmp_path / "prediction.binpb"
    arguments = ["protoc", f"--proto_path={ROOT / 'protos'}", "--include_imports", f"--descriptor_set_out={path}"]
    assert protoc.main([*arguments, "prediction.proto"]) == 0
    return path


def stub_of(open_channel, address: str):
    return predictors.stubs()[1].PredictionServiceStub(open_channel(address))


def requests():
    messages, _ = predictors.stubs()
    return [messages.PredictRequest(features=row, request_id=f"row {index}") for index, row in enumerate(IRIS)]


@pytest.mark.parametrize("are_typed", [True, False])
def test_two_versions_of_a_model(versions, prediction_types, start_proxy, open_channel, are_typed):
    """v1.0.0 against v1.1.0: the report is right to the last number."""
    old, new = versions
    proxy = start_proxy(
        blue=old.address, green=new.address, shadow_methods=SERVICE + "/*", shadow_buffer=1 << 20,
        descriptors=prediction_types if are_typed else "off",
    )  # fmt: skip
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    blue, green = stub_of(open_channel, old.address), stub_of(open_channel, new.address)
    direct = [(blue.Predict(request, timeout=15), green.Predict(request, timeout=15)) for request in requests()]

    def differs(left: float, right: float) -> bool:
        # Without types only the share counts, since numbers might be something else.
        allowed = 1e-6 * max(abs(left), abs(right))
        return abs(left - right) > (max(1e-6, allowed) if are_typed else allowed)

    single, streamed = Tally(differs), Tally(differs)
    pairs = [
        [(a.probability, b.probability) for a, b in zip(left.probabilities, right.probabilities, strict=True)]
        for left, right in direct
    ]
    differing = sum(single.add(of_call) for of_call in pairs)
    streamed.add(pair for of_call in pairs for pair in of_call)
    assert differing > 0
    # The labels agree but for rows that are close to the border of two classes.
    labels = sum(left.label != right.label for left, right in direct)
    assert labels <= 5
    # Without types tiny numbers are taken for whole ones; there are none here.
    assert min(min(pair) for of_call in pairs for pair in of_call) > 1e-12

    shadowed = Shadowed(proxy)
    shadowed.begin(ignore=["model_version"] if are_typed else ["3"])
    stub = stub_of(open_channel, proxy.address)
    for request, (left, _) in zip(requests(), direct, strict=True):
        assert stub.Predict(request, timeout=15) == left
    assert list(stub.PredictStream(iter(requests()), timeout=15)) == [left for left, _ in direct]
    messages, _ = predictors.stubs()
    for _ in range(10):
        with pytest.raises(grpc.RpcError) as refused:
            stub.Predict(messages.PredictRequest(features=[1]), timeout=15)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT

    found = shadowed.wait_copies(161)
    check_totals(found, compared=161, agreeing=160 - differing)
    assert found["untyped"] == (0 if are_typed else differing + 1)
    assert found["statuses"] == [
        {"active": "OK", "other": "OK", "calls": 151},
        {"active": "INVALID_ARGUMENT", "other": "INVALID_ARGUMENT", "calls": 10},
    ]
    paths = {(path["method"], path["path"]): path for path in found["paths"]}
    name, label = ("probabilities[*].probability", "label") if are_typed else ("2.2", "1")
    expected = {name, label} if labels else {name}
    assert paths.keys() == {(SERVICE + method, path) for method in ("/Predict", "/PredictStream") for path in expected}
    if labels:
        of_label = paths[SERVICE + "/Predict", label], paths[SERVICE + "/PredictStream", label]
        assert [(path["calls"], path["values"]) for path in of_label] == [(labels, labels), (1, labels)]
        assert all("largest_difference" not in path for path in of_label)
    single.check(paths[SERVICE + "/Predict", name], 160)
    streamed.check(paths[SERVICE + "/PredictStream", name], 1)
    assert len(found["disagreements"]) == min(20, differing + 1)
    for side in ("active", "other"):
        latency = found["latencies"][side]
        assert 0 < latency["p50"] <= latency["p99"] and 0 < latency["mean"] < 5


def test_what_is_not_ignored_is_told(versions, prediction_types, start_proxy, open_channel):
    old, new = versions
    proxy = start_proxy(
        blue=old.address, green=new.address, shadow_methods="*", descriptors=prediction_types, health_check="none"
    )
    shadowed = Shadowed(proxy)
    shadowed.begin(tolerance={"absolute": 1})
    stub = stub_of(open_channel, proxy.address)
    for request in requests():
        assert stub.Predict(request, timeout=15).model_version == "v1.0.0"
    found = shadowed.wait_copies(150)
    check_totals(found, compared=150, agreeing=0)
    path = found["paths"][0]
    assert (path["path"], path["calls"], path["values"], path["compared"]) == ("model_version", 150, 150, 150)
    assert "largest_difference" not in path and "mean_difference" not in path
    lengths = {"path": "model_version", "message": 0, "active": "a string of 6 bytes", "other": "a string of 6 bytes"}
    assert lengths in found["disagreements"][-1]["examples"]


# Tolerance, and what is ignored


TOLERANCES = [
    # The values of both sides, the tolerance, and whether the values agree by types and without.
    ((0.5, 0.5), {"absolute": 0, "relative": 0}, True, True),
    ((0.5, 0.5 + 1e-7), {}, True, True),
    ((0.5, 0.5001), {}, False, False),
    ((0.5, 0.5001), {"absolute": 1e-3}, True, False),
    ((0.5, 0.5001), {"relative": 1e-3}, True, True),
    ((0.5, 0.5 + 1e-7), {"absolute": 0, "relative": 0}, False, False),
    ((1e9, 1e9 + 100), {}, True, True),
    ((1e9, 1e9 + 100), {"relative": 1e-8}, False, False),
    ((1e9, 1e9 + 100), {"relative": 1e-8, "absolute": 100}, True, False),
    ((0.0, 1e-7), {}, True, False),
    ((math.nan, math.nan), {}, True, True),
    ((math.nan, 1.0), {"absolute": 1e300}, False, False),
    ((math.inf, 1e308), {"absolute": 1e300}, False, False),
    ((-1e308, 1e308), {"relative": 0.9}, False, False),
]


@pytest.mark.parametrize("are_typed", [True, False])
def test_numbers_within_the_tolerance_are_equal(start_shadowed, typed, are_typed):
    shadowed = start_shadowed(descriptors=typed if are_typed else "off")
    for (left, right), tolerance, *agrees in TOLERANCES:
        shadowed.blue.answers = lambda _, left=left: [number(1, left)]
        shadowed.green.answers = lambda _, right=right: [number(1, right)]
        shadowed.begin(tolerance=tolerance)
        assert call(shadowed.address, 3) == [number(1, left)] * 3
        found = shadowed.wait_copies(3)
        case = (left, right, tolerance)
        assert found["agreeing"] == (3 if agrees[0 if are_typed else 1] else 0), (case, found)
        # What can't be kept can't be gone on with.
        shadowed.steer("pause")
        assert shadowed.release["phase"] == "paused", case
        shadowed.steer("abort")


def message(**fields) -> list[bytes]:
    return [Answer(**{"score": 0.5, "name": "a", "count": 1, "row": [1, 2, 3], "named": {"x": 1, "y": 2}, **fields})
            .SerializeToString(deterministic=True)]  # fmt: skip


IGNORED = [
    # What the other color answers, what is ignored, by names and without types, and the paths that are left.
    ({"name": "bb"}, [], [], ["name"], ["2"]),
    ({"name": "bb"}, ["name"], ["2"], [], []),
    ({"name": "bb", "count": 2}, ["name"], ["2"], ["count"], ["3"]),
    ({"row": [1, 2.5, 4]}, [], [], ["row[*]"], ["4"]),
    ({"row": [1, 2.5, 4]}, ["row[1]"], ["4[2]"], ["row[*]"], ["4"]),
    ({"row": [1, 2.5, 3]}, ["row[1]"], ["4[1]"], [], []),
    ({"row": [1, 2.5, 4]}, ["row"], ["4"], [], []),
    ({"named": {"x": 1, "y": 3}}, [], [], ["named[*]"], ["5.2"]),
    ({"named": {"x": 1, "y": 3}}, ['named["y"]'], ["5.2"], [], []),
    ({"named": {"x": 1, "y": 3}}, ['named["x"]'], ["5.1"], ["named[*]"], ["5.2"]),
    ({"name": "bb", "count": 2, "score": 2}, ["*"], ["*"], [], []),
]


@pytest.mark.parametrize("are_typed", [True, False])
def test_paths_that_are_ignored(start_shadowed, typed, are_typed):
    shadowed = start_shadowed(lambda _: message(), descriptors=typed if are_typed else "off")
    for fields, named, numbered, left, left_untyped in IGNORED:
        shadowed.green.answers = lambda _, fields=fields: message(**fields)
        ignored, expected = (named, left) if are_typed else (numbered, left_untyped)
        shadowed.begin(ignore=ignored)
        assert call(shadowed.address, 3) == message() * 3
        found = shadowed.wait_copies(3)
        assert [path["path"] for path in found["paths"]] == expected, (fields, ignored)
        assert found["agreeing"] == (0 if expected else 3)
        assert found["untyped"] == (3 if expected and not are_typed else 0)
        shadowed.steer("abort")


@pytest.mark.parametrize("are_typed", [True, False])
def test_an_index_that_is_ignored_hides_no_other(start_shadowed, typed, are_typed):
    """Both of a row's last numbers differ, and one of them is ignored."""
    shadowed = start_shadowed(
        lambda _: message(), lambda _: message(row=[1, 2.5, 4]), descriptors=typed if are_typed else "off"
    )
    for index, distance in ((1, 1), (2, 0.5)):
        shadowed.begin(ignore=[f"row[{index}]" if are_typed else f"4[{index}]"])
        call(shadowed.address, 3)
        (path,) = shadowed.wait_copies(3)["paths"] or [None]
        assert path and (path["values"], path["largest_difference"]) == (3, distance), (index, path)
        shadowed.steer("abort")


def test_a_map_is_compared_by_key(start_shadowed, typed):
    def entries(*names):
        return [b"".join(delimited(5, delimited(1, name) + number(2, len(name))) for name in names)]

    shadowed = start_shadowed(lambda _: entries("a", "bb"), lambda _: entries("bb", "a"), descriptors=typed)
    shadowed.begin()
    call(shadowed.address, 5)
    assert shadowed.wait_copies(5)["agreeing"] == 5


def test_a_descriptor_file_that_is_none(start_shadowed, tmp_path):
    file = tmp_path / "broken.binpb"
    file.write_bytes(b"\xff\xff")
    shadowed = start_shadowed(descriptors=file)
    for content in (b"\xff\xff", None):
        if content is None:
            file.unlink()
        refused = shadowed.request(json.dumps({"steps": [{"shadow": "5%", "for": "1s"}]}).encode())
        assert refused.status == 409 and "the types of the messages can't be read" in refused.error
        assert str(file) in refused.error
    # It is read anew with each release.
    descriptors(tmp_path).rename(file)
    shadowed.begin()


# Noise


@pytest.mark.parametrize("differs", [False, True])
@pytest.mark.parametrize("methods", ["none", "/model.Service/*"])
def test_noise_is_no_difference(start_shadowed, methods, differs):
    """Both colors answer with a field that is never the same; where it `differs`, the new one does so elsewhere."""

    drawn = itertools.count()

    def answers(score):
        return lambda _: [number(1, score) + number(3, 1 + next(drawn) / 1_000)]

    shadowed = start_shadowed(answers(0.5), answers(0.75 if differs else 0.5), noise_methods=methods)
    shadowed.begin(noise="100%")
    for single in call(shadowed.address, 200):
        assert single[:9] == number(1, 0.5)
    repeats = 200 if methods != "none" else 0
    shadowed.wait_copies(200)

    def repeated():
        found = shadowed.comparison()
        return found if found["paths"] and found["paths"][0]["repeated"] == repeats else None

    found = eventually(repeated, what="the repeated calls")
    assert found["compared"] == 200
    assert len(shadowed.blue.live) == len(shadowed.green.copies) == 200 and len(shadowed.blue.copies) == repeats
    paths = {path["path"]: path for path in found["paths"]}
    assert paths.keys() == ({"1", "3"} if differs else {"3"})
    assert (paths["3"]["calls"], paths["3"]["repeats_differing"], paths["3"]["repeated"]) == (200, repeats, repeats)
    assert paths["3"]["noise"] == (repeats > 0)
    check_totals(found, compared=200, agreeing=200 if repeats and not differs else 0)
    if differs:
        assert (paths["1"]["calls"], paths["1"]["repeats_differing"], paths["1"]["noise"]) == (200, 0, False)


def test_a_share_is_asked_twice(start_shadowed):
    shadowed = start_shadowed(noise_methods="*")
    shadowed.begin()
    call(shadowed.address, 2_000)
    shadowed.wait_copies(2_000)
    # A tenth, unless the plan says otherwise.
    assert abs(len(shadowed.blue.copies) - 200) <= 4 * (2_000 * 0.1 * 0.9) ** 0.5
    assert len(shadowed.blue.live) == 2_000


# Compressed answers


def compressed(content: bytes, how: str) -> bytes:
    if how == "identity":
        return b"\x00" + len(content).to_bytes(4, "big") + content
    packed = {"gzip": gzip.compress, "deflate": zlib.compress}.get(how, lambda content: content)(content)
    return b"\x01" + len(packed).to_bytes(4, "big") + packed


def serve(how: str, *messages: bytes):
    """Answers with messages in an encoding that the head names, and compressed by it."""

    def handle(stream):
        stream.wait_end()
        stream.send_headers(
            [(b":status", b"200"), (b"content-type", b"application/grpc"), (b"grpc-encoding", how.encode())]
        )
        stream.send_data(b"".join(compressed(one, how) for one in messages))
        stream.send_headers([(b"grpc-status", b"0")], True)

    return handle


@pytest.mark.parametrize("how", ["gzip", "deflate", "snappy"])
def test_compressed_answers_are_compared_as_what_they_are(start_shadowed, how):
    scores = [number(1, score) * 20 for score in (1, 2, 3)]
    shadowed = start_shadowed(lambda _: scores, on_copy=serve(how, *scores))
    shadowed.begin()

    def ask(count: int) -> dict:
        with grpc.insecure_channel(shadowed.address) as channel:
            assert list(channel.unary_stream(METHOD)(b"", timeout=15)) == scores
        return shadowed.wait_copies(count)

    if how == "snappy":
        (path,) = ask(1)["paths"]
        assert path["path"] == "(message)" and path["values"] == 3
        return
    assert ask(1)["agreeing"] == 1
    shadowed.green.server._handle = serve(how, scores[0], number(1, 2.5) * 20, scores[2])
    found = ask(2)
    assert (found["agreeing"], [path["path"] for path in found["paths"]]) == (1, ["1"])
    assert found["disagreements"][0]["examples"][0]["message"] == 1
    assert found["paths"][0]["values"] == 20


def test_a_message_that_grows_too_large(start_shadowed):
    """Beyond 16 MiB a comparison is given up, by the word that stands for this elsewhere."""
    shadowed = start_shadowed(lambda _: [b"small"], on_copy=serve("gzip", bytes(17 << 20)))
    shadowed.begin()
    assert call(shadowed.address) == [b"small"]
    found = shadowed.wait_copies(1)
    assert (found["compared"], found["given_up"]) == (0, {"too_large": 1})


# What the report shows


@pytest.mark.parametrize("reveals", [False, True])
def test_values_are_shown_if_they_may_be(start_shadowed, typed, reveals):
    def answers(secret: str):
        content = Answer(name=secret, raw=secret.encode(), named={secret: 1}, score=0.123456789, row=[7.654321] * 40)
        return lambda _: [content.SerializeToString()]

    shadowed = start_shadowed(
        answers("alice@x"), answers("bob@x"), descriptors=typed, **({"reveal_values": True} if reveals else {})
    )
    shadowed.begin()
    call(shadowed.address, 3, b"\x0a\x05carol", metadata=[("authorization", "Bearer dave"), ("x-tenant", "frances")])
    found = shadowed.wait_copies(3)
    examples = {one["path"]: (one["active"], one["other"]) for one in found["disagreements"][-1]["examples"]}
    if reveals:
        assert examples["name"] == ('"alice@x"', '"bob@x"')
        assert examples["raw"] == (b"alice@x".hex(), b"bob@x".hex())
        assert "named[alice@x]" in examples
    else:
        assert examples["name"] == ("a string of 7 bytes", "a string of 5 bytes")
        assert examples["raw"] == ("7 bytes", "5 bytes")
    told = json.dumps([shadowed.release, shadowed.proxy.admin.get("/releases").json, shadowed.proxy.admin.status()])
    told += shadowed.proxy.admin.get("/metrics").body.decode() + "".join(shadowed.proxy.process.stderr)
    secrets = ["carol", "dave", "frances", "x-tenant"] + (
        [] if reveals else ["alice", "bob@", b"alice".hex(), b"bob@".hex()]
    )
    assert [secret for secret in secrets if secret in told] == []
    # No whole messages: of the equal fields nothing is told.
    assert "0.123456789" not in told and "7.654321" not in told


def test_the_last_twenty_disagreements(start_shadowed):
    shadowed = start_shadowed(lambda _: [number(1, -1)], lambda body: [body])
    shadowed.begin()
    for index in range(30):
        call(shadowed.address, 1, number(1, index))
        shadowed.wait_copies(index + 1)
    found = shadowed.comparison()
    assert [one["examples"][0]["other"] for one in found["disagreements"]] == [f"{i}.0" for i in range(10, 30)]
    (path,) = found["paths"]
    assert (path["largest_difference"], path["mean_difference"]) == (30, 15.5)


def test_latencies_of_both_sides(start_shadowed):
    import threading

    def slow(stream):
        stream.wait_end()
        threading.Event().wait(0.2)
        answer(stream, b"")

    shadowed = start_shadowed(on_copy=slow)
    shadowed.begin()
    for _ in range(10):
        assert call(shadowed.address) == [b""]
    latencies = shadowed.wait_copies(10)["latencies"]
    assert 0.2 <= latencies["other"]["mean"] < 2 and latencies["other"]["p50"] >= 0.2
    assert latencies["active"]["mean"] < 0.2


# Much to keep


def deep(index: int, value: float) -> bytes:
    """A message that differs in 24 to 32 fields, as the index says, each of which has a path of 200 bytes."""
    fields = []
    for field in range(32):
        leaf = number(7_000_000 + field, value if index >> field & 1 or field > 7 else 1.5)
        for step in range(18):
            leaf = delimited(536_000_000 + step, leaf)
        fields.append(delimited(field + 1, leaf))
    return b"".join(fields)


@pytest.mark.parametrize("end", ["kill", "restart"])
def test_many_combinations_of_long_paths_survive(start_shadowed, end):
    shadowed = start_shadowed(
        lambda body: [deep(int(body), 1.5)], lambda body: [deep(int(body), 2.5)], shadow_buffer=1 << 20
    )
    proxy = shadowed.proxy
    shadowed.begin()
    for index in range(256):
        call(shadowed.address, 1, b"%d" % index)
    before = shadowed.wait_copies(256)
    assert (before["compared"], len(before["paths"])) == (256, 32)
    eventually(lambda: b'"compared":256' in proxy.state_file.read_bytes().replace(b" ", b""), what="the save")
    if end == "kill":
        proxy.kill()
        proxy.start()
    else:
        proxy.restart()
    assert shadowed.comparison() == before
    assert shadowed.steer("abort")["outcome"] == "aborted"
