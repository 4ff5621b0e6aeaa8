"""The pure parts of scripts/deploy.sh: reading metrics, judging them, .env, the wire format, the journal, options."""

import contextlib
import io
import stat
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/lib"))

from deployment import protobuf  # noqa: E402
from deployment.deployment_lock import DeploymentLock  # noqa: E402
from deployment.env_file import EnvFile  # noqa: E402
from deployment.failure import DeploymentFailure, ExitCode  # noqa: E402
from deployment.journal import ColorBefore, Journal  # noqa: E402
from deployment.options import parse  # noqa: E402
from deployment.watch import Limits, Reading, describe  # noqa: E402

METRICS = """\
# TYPE sluice_calls_total counter
sluice_calls_total{color="blue",grpc_code="OK"} 7
sluice_calls_total{color="green",grpc_code="OK"} 90
sluice_calls_total{color="green",grpc_code="UNAVAILABLE"} 2
sluice_calls_total{color="green",grpc_code="INVALID_ARGUMENT"} 8
sluice_call_duration_seconds_bucket{color="green",le="0.001"} 50
sluice_call_duration_seconds_bucket{color="green",le="0.01"} 98
sluice_call_duration_seconds_bucket{color="green",le="+Inf"} 100
"""


class ReadingTests(unittest.TestCase):
    def test_takes_one_colors_samples(self):
        reading = Reading.parse(METRICS, "green")
        self.assertEqual(reading.total, 100)
        self.assertEqual(reading.faults, 2)

    def test_a_quantile_is_the_bound_of_its_bucket(self):
        reading = Reading.parse(METRICS, "green")
        self.assertEqual(reading.quantile(0.5), 0.001)
        self.assertEqual(reading.quantile(0.98), 0.01)
        self.assertEqual(reading.quantile(0.99), float("inf"))
        self.assertIsNone(Reading().quantile(0.99))

    def test_since_counts_the_difference(self):
        earlier = Reading({"OK": 40.0, "UNAVAILABLE": 2.0}, {0.001: 10.0, float("inf"): 42.0})
        later = Reading({"OK": 50.0, "UNAVAILABLE": 2.0}, {0.001: 15.0, float("inf"): 52.0})
        self.assertEqual(later.since(earlier), Reading({"OK": 10, "UNAVAILABLE": 0}, {0.001: 5, float("inf"): 10}))

    def test_counters_that_were_reset_count_from_zero(self):
        later = Reading({"OK": 3.0}, {float("inf"): 3.0})
        self.assertEqual(later.since(Reading({"OK": 40.0}, {float("inf"): 40.0})), later)


class LimitsTests(unittest.TestCase):
    seen = Reading.parse(METRICS, "green")

    def test_too_many_faults(self):
        self.assertIn("2 UNAVAILABLE", Limits(0.01, None, 20).verdict(self.seen) or "")

    def test_the_callers_faults_do_not_count(self):
        self.assertIsNone(Limits(0.02, None, 20).verdict(self.seen))

    def test_too_slow(self):
        self.assertIn("over 2.5 s", Limits(1, 2.5, 20).verdict(self.seen) or "")

    def test_few_calls_prove_nothing(self):
        self.assertIsNone(Limits(0.01, 2.5, 101).verdict(self.seen))
        self.assertIsNone(Limits(0.01, 2.5, 0).verdict(Reading()))

    def test_a_sentence(self):
        self.assertEqual(describe(Reading({"OK": 2.0}, {0.5: 2.0})), "2 calls, 0 failed, p99 <= 0.5 s")
        self.assertEqual(describe(Reading()), "0 calls, 0 failed, p99 none yet")


class ProtobufTests(unittest.TestCase):
    def test_a_row_of_features(self):
        message = protobuf.packed_doubles(1, [5.1, 0.2])
        self.assertEqual(message[:2], b"\x0a\x10")
        self.assertEqual(len(message), 18)
        self.assertEqual(dict(protobuf.fields(message))[1], message[2:])

    def test_fields_of_each_kind(self):
        message = b"\x08\x96\x01" + b"\x12\x02hi" + b"\x19" + bytes(8) + b"\x25\x01\0\0\0"
        self.assertEqual(list(protobuf.fields(message)), [(1, 150), (2, b"hi"), (3, 0), (4, 1)])

    def test_bytes_that_are_not_a_message(self):
        for message in [b"\x0a\x05hi", b"\x08", b"\x0b", b"\x08" + b"\xff" * 11]:
            with self.subTest(message), self.assertRaises(ValueError):
                list(protobuf.fields(message))


class EnvFileTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / ".env"

    def test_keeps_what_it_does_not_change(self):
        self.path.write_text("# mine\nBLUE_VERSION=v1\nexport X='a b'\n")
        self.path.chmod(0o600)
        file = EnvFile(self.path)
        file.update({"BLUE_VERSION": "v2", "GREEN_VERSION": "v3"})
        self.assertEqual(self.path.read_text(), "# mine\nBLUE_VERSION=v2\nexport X='a b'\nGREEN_VERSION=v3\n")
        self.assertEqual(file.read(), {"BLUE_VERSION": "v2", "X": "a b", "GREEN_VERSION": "v3"})
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])

    def test_removes_lines(self):
        self.path.write_text("A=1\nB=2\n")
        EnvFile(self.path).update({"A": None, "C": None})
        self.assertEqual(self.path.read_text(), "B=2\n")

    def test_begins_without_a_file(self):
        file = EnvFile(self.path)
        self.assertEqual(file.read(), {})
        file.update({"A": "1"})
        self.assertEqual(file.read(), {"A": "1"})


class JournalTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "journal.json"

    def test_an_interrupted_runs_record_takes_precedence(self):
        first = ColorBefore("green", {"GREEN_VERSION": "v1"})
        self.assertEqual(Journal(self.path).begin(first), first)
        again = Journal(self.path).begin(ColorBefore("green", {"GREEN_VERSION": "half-deployed"}))
        self.assertEqual(again, first)

    def test_another_colors_run_starts_a_new_journal(self):
        Journal(self.path).begin(ColorBefore("green", {"GREEN_VERSION": "v1"}))
        blue = ColorBefore("blue", {"BLUE_VERSION": None})
        self.assertEqual(Journal(self.path).begin(blue), blue)
        self.assertEqual(Journal(self.path).read(), blue)

    def test_an_ended_or_torn_journal_is_ignored(self):
        journal = Journal(self.path)
        journal.begin(ColorBefore("green", {}))
        journal.end()
        self.assertIsNone(journal.read())
        self.path.write_text("{")
        self.assertIsNone(journal.read())

    def test_the_release_that_was_asked_for_is_kept(self):
        journal = Journal(self.path)
        journal.note_release(3)
        self.assertIsNone(journal.read())
        journal.begin(ColorBefore("green", {"GREEN_VERSION": "v1"}))
        journal.note_release(4)
        self.assertEqual(journal.read(), ColorBefore("green", {"GREEN_VERSION": "v1"}, 4))
        # One that an older script has written.
        self.path.write_text('{"color": "green", "values": {}}')
        self.assertEqual(journal.read(), ColorBefore("green", {}))


class DeploymentLockTests(unittest.TestCase):
    def test_a_second_lock_is_refused_and_names_its_holder(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "lock"
            with DeploymentLock(file) as second:
                with DeploymentLock(file) as first:
                    first.acquire("upgrade to proxy:2", 0)
                    with self.assertRaises(DeploymentFailure) as caught:
                        second.acquire("deploy v2", 0)
                self.assertEqual(caught.exception.code, ExitCode.LOCKED)
                message = str(caught.exception)
                self.assertIn("a deployment or an upgrade runs on this host: upgrade to proxy:2, process", message)
                second.acquire("deploy v2", 0)


class OptionsTests(unittest.TestCase):
    def test_durations_and_shares(self):
        options = parse(["v1.2.0", "--watch", "2m", "--max-error-share", "5%", "--max-p99", "off"], ROOT)
        self.assertEqual((options.version, options.watch), ("v1.2.0", 120))
        self.assertEqual(options.limits, Limits(0.05, None, 20))

    def test_smoke_is_a_file_or_none(self):
        self.assertEqual(parse(["v1", "--smoke", "a.json"], ROOT).smoke_file, Path("a.json"))
        for arguments, is_off in [([], False), (["--smoke", "none"], True)]:
            options = parse(["v1", *arguments], ROOT)
            self.assertEqual((options.smoke_file, options.is_smoke_off), (None, is_off))

    def test_what_is_small_and_means_something(self):
        options = parse(["v1", "--watch", "0s", "--min-calls", "0", "--health-timeout", "500ms", "--build"], ROOT)
        self.assertEqual((options.watch, options.limits.calls, options.health_timeout), (0, 0, 0.5))
        self.assertEqual((options.pull, options.build), ("missing", True))

    def test_the_steps_of_a_release(self):
        steps = "0.5%:90s,25%:1.5m,25%:1h,100%:500ms"
        options = parse(["v1", "--canary", steps, "--canary-min-calls", "0", "--pause-timeout", "off"], ROOT)
        self.assertIsNone(options.pause_timeout)
        self.assertEqual(
            options.canary.body("green", "why"),
            {
                "to": "green", "reason": "why", "min_calls": 0,
                "steps": [
                    {"canary": "0.5%", "for": "90s"}, {"canary": "25%", "for": "1.5m"}, {"canary": "25%", "for": "1h"},
                    {"canary": "100%", "for": "500ms"},
                ],
            },
        )  # fmt: skip
        self.assertEqual((parse(["v1"], ROOT).canary, parse(["v1"], ROOT).pause_timeout), (None, 600))

    def test_help_speaks_of_any_service(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output), self.assertRaises(SystemExit) as caught:
            parse(["--help"], ROOT)
        self.assertEqual(caught.exception.code, 0)
        text = " ".join(output.getvalue().split())
        self.assertIn("Deploys a version of a service", text)
        self.assertIn("VERSION its version, such as v1.1.0", text)
        self.assertIn("or the log file cannot be opened; nothing was changed 3 ", text)
        for word in ("of the model", "models/ in the image"):
            self.assertNotIn(word, text)

    def test_wrong_options_end_with_64(self):
        for arguments in [
            [], ["../v1"], ["v1", "--watch", "60"], ["v1", "--max-error-share", "2"], ["v1", "--what"],
            ["v1", "--follow"], ["v1", "--name", "x"], ["v1", "--detach", "--name", "../x"],
            ["v1", "--min-calls", "-3"], ["v1", "--min-calls", "1.5"], ["v1", "--health-timeout", "0s"],
            ["v1", "--smoke-timeout", "0s"], ["v1", "--smoke-timeout", "0.0ms"], ["v1", "--max-p99", "0s"],
            ["v1", "--build", "--pull", "never"], ["v1", "--pull", "always", "--build"],
            ["v1", "--image", ""], ["v1", "--image", " "], ["v1", "--proxy-image", ""], ["v1", "--smoke", ""],
            ["v1", "--smoke-command", ""], ["v1", "--log", ""], ["v1", "--summary", ""],
            ["v1", "--canary", ""], ["v1", "--canary", "5%"], ["v1", "--canary", "5:60s"], ["v1", "--canary", "5%:60"],
            ["v1", "--canary", "0%:60s"], ["v1", "--canary", "101%:60s"], ["v1", "--canary", "0.001%:60s"],
            ["v1", "--canary", "25%:60s,5%:60s"], ["v1", "--canary", "5%:0s"], ["v1", "--canary", "5%:169h"],
            ["v1", "--canary", "5%:60s,"], ["v1", "--canary", ",".join(["5%:60s"] * 51)],
            ["v1", "--canary-min-calls", "5"], ["v1", "--canary-no-data", "pause"], ["v1", "--pause-timeout", "0s"],
            ["v1", "--canary", "5%:60s", "--canary-no-data", "never"],
            ["v1", "--canary", "5%:60s", "--canary-min-calls", "-1"],
        ]:  # fmt: skip
            with (
                self.subTest(arguments),
                contextlib.redirect_stderr(io.StringIO()),
                contextlib.redirect_stdout(io.StringIO()),
            ):
                with self.assertRaises(SystemExit) as caught:
                    parse(arguments, ROOT)
                self.assertEqual(caught.exception.code, 64)


if __name__ == "__main__":
    unittest.main()
