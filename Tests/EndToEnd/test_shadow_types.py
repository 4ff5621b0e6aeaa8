"""Where a comparison of answers has the names and types of messages from: the old color's server reflection, or, for
raw tensors of the Open Inference Protocol, what stands beside them."""

import json
import math
import struct

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from harness.ports import free_port
from harness.shadow import METHOD, Answer, Shadowed, call, model_pool, plan
from harness.typed_server import TypedServer


@pytest.fixture
def start_typed(request):
    def start(path: str, answer, **options) -> TypedServer:
        server = TypedServer(path, answer, **options)
        request.addfinalizer(server.close)
        return server

    return start


# Reflection


def answer(**fields):
    content = Answer(**{"score": 0.5, "name": "a", "count": 1, "row": [1, 2, 3], "named": {"x": 1}, **fields})
    return lambda _: content.SerializeToString(deterministic=True)


def begins(proxy, old, new) -> Shadowed:
    shadowed = Shadowed(proxy, old, new)
    shadowed.begin()
    return shadowed


@pytest.mark.parametrize("name", ["v1", "v1alpha"])
def test_names_and_types_by_reflection(start_typed, start_proxy, name):
    """Only the old color has to tell."""
    old = start_typed(METHOD, answer(), pool=model_pool, reflects=name)
    new = start_typed(METHOD, answer(name="bb", row=[1, 2.5, 3], named={"x": 3}))
    proxy = start_proxy(
        blue=old.address, green=new.address, health_check="none", shadow_methods="*", descriptors="reflection"
    )
    shadowed = begins(proxy, old, new)
    assert call(shadowed.address, 5) == [old.answer(b"")] * 5
    found = shadowed.wait_copies(5)
    assert (found["types"], found["untyped"], found["agreeing"]) == ("reflection", 0, 0)
    paths = {path["path"]: path.get("largest_difference") for path in found["paths"]}
    assert paths == {"name": None, "row[*]": 0.5, "named[*]": 2}
    examples = {one["path"]: (one["active"], one["other"]) for one in found["disagreements"][-1]["examples"]}
    assert examples["row[1]"] == ("2.0", "2.5")
    # By types, a number is never taken for something else: it is equal within the absolute tolerance, near 0, too.
    shadowed.steer("abort")
    new.answer, old.answer = answer(score=1e-7), answer(score=0)
    shadowed.begin()
    call(shadowed.address, 5)
    assert shadowed.wait_copies(5)["agreeing"] == 5


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["v1", "v1alpha"])
def test_a_server_that_answers_is_heard(start_typed, start_proxy, name):
    """Its answers may be there before the Proxy first looks for them, as on a busy machine."""
    old = start_typed(METHOD, answer(), pool=model_pool, reflects=name)
    proxy = start_proxy(
        blue=old.address, green=old.address, health_check="none", shadow_methods="*", descriptors="reflection"
    )
    shadowed = Shadowed(proxy)
    refused = []
    for _ in range(60):
        begun = shadowed.request(plan(("shadow", "100%", "1h")))
        if begun.status == 201:
            shadowed.steer("abort")
        else:
            refused.append(begun.error)
            if len(refused) == 3:
                break
    assert refused == []


@pytest.mark.parametrize("telling", ["nobody", "the new color", "nobody that is there"])
def test_without_reflection_a_shadow_step_is_refused(start_typed, start_proxy, telling):
    old = start_typed(METHOD, answer())
    new = start_typed(METHOD, answer(), pool=model_pool, reflects="v1" if telling == "the new color" else None)
    blue = old.address if telling != "nobody that is there" else f"127.0.0.1:{free_port()}"
    proxy = start_proxy(blue=blue, green=new.address, health_check="none", shadow_methods="*", descriptors="reflection")
    shadowed = Shadowed(proxy, old, new)
    refused = shadowed.request(plan(("shadow", "100%", "1h")))
    assert refused.status == 409
    assert refused.error.startswith("the types of the messages can't be read: ") and blue in refused.error, refused
    assert "refused" in refused.error if telling == "nobody that is there" else "UNIMPLEMENTED" in refused.error
    print(refused.error)
    assert (proxy.admin.status()["epoch"], "release" in proxy.admin.status()) == (1, False)
    if telling != "nobody that is there":
        assert call(shadowed.address, 5) == [old.answer(b"")] * 5
        # What compares nothing needs no types.
        begun = shadowed.begin_plan(json.dumps({"steps": [{"canary": "10%", "for": "1h"}]}).encode())
        assert begun["phase"] == "running"


# Tensors of the Open Inference Protocol


INFER = "/inference.GRPCInferenceService/ModelInfer"
_Field = descriptor_pb2.FieldDescriptorProto


def inference_file() -> descriptor_pb2.FileDescriptorProto:
    """What of the protocol an answer with raw tensors needs."""
    file = descriptor_pb2.FileDescriptorProto(name="inference.proto", package="inference", syntax="proto3")
    file.message_type.add(name="ModelInferRequest")
    response = file.message_type.add(name="ModelInferResponse")
    tensor = response.nested_type.add(name="InferOutputTensor")
    for name, number, kind, label in (
        ("name", 1, _Field.TYPE_STRING, _Field.LABEL_OPTIONAL),
        ("datatype", 2, _Field.TYPE_STRING, _Field.LABEL_OPTIONAL),
        ("shape", 3, _Field.TYPE_INT64, _Field.LABEL_REPEATED),
    ):
        tensor.field.add(name=name, number=number, type=kind, label=label)
    for name, number, kind, label in (
        ("model_name", 1, _Field.TYPE_STRING, _Field.LABEL_OPTIONAL),
        ("model_version", 2, _Field.TYPE_STRING, _Field.LABEL_OPTIONAL),
        ("outputs", 5, _Field.TYPE_MESSAGE, _Field.LABEL_REPEATED),
        ("raw_output_contents", 6, _Field.TYPE_BYTES, _Field.LABEL_REPEATED),
    ):
        added = response.field.add(name=name, number=number, type=kind, label=label)
        if kind == _Field.TYPE_MESSAGE:
            added.type_name = ".inference.ModelInferResponse.InferOutputTensor"
    file.service.add(name="GRPCInferenceService").method.add(
        name="ModelInfer", input_type=".inference.ModelInferRequest", output_type=".inference.ModelInferResponse"
    )
    return file


_inference_pool = descriptor_pool.DescriptorPool()
_inference_pool.Add(inference_file())
Response = message_factory.GetMessageClass(_inference_pool.FindMessageTypeByName("inference.ModelInferResponse"))
FORMATS = {"FP64": "d", "FP32": "f", "FP16": "e", "INT64": "q", "INT32": "i", "UINT8": "B"}


def tensors(version: str, *outputs: tuple[str, list]) -> bytes:
    """An answer with raw tensors, each by its datatype and its numbers."""
    response = Response(model_name="iris", model_version=version)
    for index, (datatype, numbers) in enumerate(outputs):
        response.outputs.add(name=f"output {index}", datatype=datatype, shape=[len(numbers)])
        response.raw_output_contents.append(struct.pack(f"<{len(numbers)}{FORMATS[datatype]}", *numbers))
    return response.SerializeToString()


def as_sent(datatype: str, number: float) -> float:
    """A number after its way through a datatype."""
    return struct.unpack(f"<{FORMATS[datatype]}", struct.pack(f"<{FORMATS[datatype]}", number))[0]


@pytest.fixture(params=["descriptors", "reflection", "none"])
def inferring(request, tmp_path, start_typed, start_proxy):
    """Two servers of the protocol, with types from a file, by reflection, and as everybody knows them."""
    source = {"descriptors": tmp_path / "inference.binpb", "reflection": "reflection", "none": "off"}[request.param]
    if request.param == "descriptors":
        source.write_bytes(descriptor_pb2.FileDescriptorSet(file=[inference_file()]).SerializeToString())
    reflects = "v1" if request.param == "reflection" else None
    old = start_typed(INFER, lambda _: b"", pool=_inference_pool, reflects=reflects)
    new = start_typed(INFER, lambda _: b"")
    proxy = start_proxy(
        blue=old.address, green=new.address, health_check="none", shadow_methods="*", descriptors=source
    )
    return Shadowed(proxy, old, new)


def compare(shadowed: Shadowed, left: bytes, right: bytes, **fields) -> dict:
    shadowed.blue.answer, shadowed.green.answer = lambda _: left, lambda _: right
    shadowed.begin(ignore=["model_version"], **fields)
    assert call(shadowed.address, 3, method=INFER) == [left] * 3
    found = shadowed.wait_copies(3)
    shadowed.steer("abort")
    assert (found["compared"], found["untyped"]) == (3, 0)
    return found


NEAR = [
    # The datatype, a number, one that is near, and one that is not.
    ("FP64", 0.25, 0.25 + 1e-9, 0.26),
    ("FP32", 0.25, 0.25 + 2**-25, 0.26),
    ("FP16", 0.25, None, 0.251),
    ("INT64", 10**15, None, 10**15 + 1),
    ("INT32", 7, None, 9),
    ("UINT8", 7, None, 200),
]


def test_raw_tensors_are_numbers(inferring):
    for datatype, number, near, far in NEAR:
        left = tensors("1", (datatype, [1, number, 3]), ("FP64", [0.5]))
        if near is not None:
            right = tensors("2", (datatype, [1, near, 3]), ("FP64", [0.5]))
            # The bytes differ, and the numbers don't.
            assert right != tensors("2", (datatype, [1, number, 3]), ("FP64", [0.5]))
            assert compare(inferring, left, right)["agreeing"] == 3, datatype
            strict = compare(inferring, left, right, tolerance={"absolute": 0, "relative": 0})
            assert [path["path"] for path in strict["paths"]] == ["raw_output_contents[0][*]"]
        found = compare(inferring, left, tensors("2", (datatype, [1, far, 3]), ("FP64", [0.5])))
        (path,) = found["paths"]
        assert (path["path"], path["calls"], path["values"]) == ("raw_output_contents[0][*]", 3, 3), datatype
        distance = abs(as_sent(datatype, number) - as_sent(datatype, far))
        assert math.isclose(path["largest_difference"], distance, rel_tol=1e-9)
        assert {one["path"] for one in found["disagreements"][-1]["examples"]} == {"raw_output_contents[0][1]"}
        allowed = {"absolute": distance * 1.01, "relative": 0}
        right = tensors("2", (datatype, [1, far, 3]), ("FP64", [0.5]))
        assert compare(inferring, left, right, tolerance=allowed)["agreeing"] == 3, datatype
