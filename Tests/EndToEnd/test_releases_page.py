"""docs/RELEASES.md: its commands, run to the letter and in order, and what it says of their answers."""

import json

from documents import blocks, unmarked

from harness.fresh_checkout import FreshCheckout, answered_by, ctrl_c

DOCUMENT = "docs/RELEASES.md"


def test_every_command_is_run_or_says_why_not():
    assert unmarked(DOCUMENT) == []


def test_a_release_from_beginning_to_end(tmp_path, start_process):
    checkout = FreshCheckout(tmp_path, start_process)
    shown = blocks(DOCUMENT)

    def answers(name: str) -> list[dict]:
        """What the requests of a block are answered, one after the other."""
        text, found = "\n".join(checkout.run(shown[name], name)).lstrip(), []
        while text:
            answer, end = json.JSONDecoder().raw_decode(text)
            found.append(answer)
            text = text[end:].lstrip()
        return found

    def answer(name: str) -> dict:
        (only,) = answers(name)
        return only

    def users() -> set[str]:
        """The users that the new version has answered."""
        once, again = (line.split() for line in checkout.run(shown["users"], "users"))
        assert (once[0], again[0]) == ("once", "again")
        assert once[1:] == again[1:]
        return set(once[1:])

    up = checkout.start(shown["up"], "up")
    up.wait_for_line(lambda line: "Ctrl-C stops everything" in line, what="the start", stream="stdout", timeout=120)
    preview = checkout.run(shown["preview"], "preview")
    assert preview[-1] == "answered: 3 by green v1.1.0; failed: 0"
    truth = answer("truth")
    assert truth["error"].endswith(" says v1.1.0 by prediction.v1.PredictionService/Health")
    assert (truth["active"], truth["expected"]) == ("blue", "v1.0.0")
    client = checkout.start(shown["client"], "client")
    seen = answered_by(client, "blue")

    begun = answer("release")
    assert (begun["phase"], begun["share"], begun["next"], begun["epoch"]) == ("running", "10%", "canary 50%", 2)
    seen = answered_by(client, "green", start=seen)
    (step,) = answer("look")["steps"]
    assert (step["canary"], step["fallen_back"]) == ("10%", 0)
    first = users()
    promoted = answer("promote")
    assert (promoted["share"], promoted["step"], promoted["next"]) == ("50%", 2, "all calls")
    second = users()
    assert first < second
    paused, resumed = answers("pause")
    assert (paused["phase"], paused["paused"], resumed["phase"]) == ("paused", "asked", "running")
    aborted = answer("abort")
    assert (aborted["phase"], aborted["outcome"], aborted["epoch"]) == ("ended", "aborted", 4)
    assert users() == set()

    ended = answer("by itself")
    assert (ended["outcome"], ended["epoch"]) == ("done", 7)
    assert all(step["canary_calls"] >= 10 and step["fallen_back"] == 0 for step in ended["steps"])
    assert len(users()) == 100
    back = answer("rollback")
    assert (back["action"], back["from"], back["to"]) == ("rollback", "green", "blue")
    assert users() == set()

    checkout.run(shown["descriptors"], "descriptors")
    begun = answer("shadow")
    assert (begun["share"], begun["next"], begun["plan"]["steps"][0]["shadow"]) == ("0%", "canary 5%", "100%")
    compared = answer("compare")["steps"][0]["comparison"]
    assert compared["types"].endswith(".run/prediction.binpb") and compared["untyped"] == 0
    assert compared["compared"] >= 100 and compared["given_up"] == {}
    differing = {path["path"] for path in compared["paths"]}
    assert differing and "model_version" not in differing and "label" not in differing
    assert answer("shadow abort")["outcome"] == "aborted"

    assert ctrl_c(client) == 0
    assert client.stdout[-1].endswith("; failed: 0")
    assert ctrl_c(up) == 0

    ended, line = answers("bad version")
    assert (ended["outcome"], ended["breach"]["signal"]) == ("rolled_back", "failures")
    assert (line["who"], line["action"], line["to"]) == ("guard", "release_abort", "blue")
