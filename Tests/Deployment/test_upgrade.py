"""scripts/upgrade.sh without Docker: what it does with the containers that it finds, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import unittest
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from harness.fake_host import FakeHost

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/lib"))

from deployment.admin_client import TokenRefused  # noqa: E402
from deployment.deployment_lock import DeploymentLock  # noqa: E402
from deployment.env_file import EnvFile  # noqa: E402
from deployment.failure import DeploymentFailure  # noqa: E402
from deployment.failure import ExitCode as DeploymentExitCode  # noqa: E402
from deployment.proxy_service import ProxyService  # noqa: E402
from deployment.stack_files import StackFiles  # noqa: E402
from proxy_upgrade.admin_access import AdminAccess  # noqa: E402
from proxy_upgrade.containers import Container, instant, serving  # noqa: E402
from proxy_upgrade.options import ExitCode, Options, UpgradeFailure, parse  # noqa: E402
from proxy_upgrade.proxy_upgrade import ProxyUpgrade  # noqa: E402

EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)


def container(number: int, **other) -> Container:
    """The `number`th container of the service, started that many minutes after the first."""
    given = {
        "id": f"id{number}", "name": f"sluice-proxy-{number}", "image": "proxy:1", "image_id": "sha1",
        "status": "running", "exit_code": 0, "error": "", "started_at": EPOCH + timedelta(minutes=number),
        "restart_policy": "unless-stopped", "can_be_replaced": True,
    }  # fmt: skip
    return Container(**{**given, **other})


class FakeEngine:
    """Containers in memory. What a new one does when it is started is for `on_start` to say."""

    def __init__(self, *containers: Container):
        self.all = {one.id: one for one in containers}
        self.service = {
            "restart": "unless-stopped", "network_mode": "service:net",
            "environment": {"SLUICE_HANDOVER_SOCKET": "/run/sluice/handover.sock"},
        }  # fmt: skip
        self.serves = containers[-1].id if containers else ""
        self.minutes = 100
        #: Which token the file has, and which one each Proxy was started with.
        self.token = 1
        self.tokens = {one.id: self.token for one in containers}
        self.has_token_file = True
        self.on_provide = lambda: None
        self.on_create = lambda: None
        self.files = StackFiles(Path("/srv"), (Path("/srv/own.yml"),), Path("/srv/.env"))
        self.on_start = self.takes_over
        self.policies_at_start: dict[str, str] = {}
        self.removed: list[str] = []

    def takes_over(self, id_: str) -> str:
        self.serves = id_
        return ""

    @property
    def proxy(self) -> ProxyService:
        return ProxyService({"services": {"proxy": self.service}})

    def net_image(self) -> str:
        return "proxy:0"

    def containers(self) -> list[Container]:
        return list(self.all.values())

    def inspect(self, container: Container) -> Container | None:
        return self.all.get(container.id)

    def change(self, id_: str, **values) -> None:
        self.all[id_] = replace(self.all[id_], **values)

    def create(self, image: str, count: int) -> str:
        self.on_create()
        if len(self.all) < count:
            self.all["new"] = container(50, id="new", name="new", image=image, image_id=f"of {image}", status="created")
        return "made"

    def set_restart_policy(self, container: Container, policy: str) -> None:
        self.change(container.id, restart_policy=policy)

    def start(self, container: Container) -> str:
        if container.id == "new":
            self.policies_at_start = {one.id: one.restart_policy for one in self.all.values()}
        self.minutes += 1
        self.tokens[container.id] = self.token
        self.change(container.id, status="running", started_at=EPOCH + timedelta(minutes=self.minutes))
        return self.on_start(container.id)

    def remove(self, container: Container) -> None:
        del self.all[container.id]
        self.removed.append(container.id)

    def log(self, container: Container) -> str:
        return "Error: --workers must be a number\n"

    def provide(self, image: str, policy: str) -> str:
        self.on_provide()
        return "sha1" if image == "proxy:1" else f"of {image}"

    def connect(self, token: int) -> FakeAdmin:
        return FakeAdmin(self, token)

    def read_token(self) -> int:
        if not self.has_token_file:
            raise UpgradeFailure(ExitCode.NOT_READY, "the admin token can't be read")
        return self.token

    def status(self, token: int) -> dict:
        """The admin API's."""
        found = self.all.get(self.serves)
        if found is None or not found.is_running:
            raise DeploymentFailure(DeploymentExitCode.NOT_READY, "no answer")
        if self.tokens[found.id] != token:
            raise TokenRefused("the token is wrong")
        since = found.started_at + timedelta(milliseconds=80)
        return {"started_at": since.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "version": "9"}


@dataclass
class FakeAdmin:
    engine: FakeEngine
    token: int

    def status(self) -> dict:
        return self.engine.status(self.token)


class UpgradeCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.env = EnvFile(self.folder / ".env")
        self.said: list[str] = []
        self.time = 0.0
        self.on_sleep = lambda: None

    def upgrade(self, engine: FakeEngine, image: str = "proxy:2", **options) -> None:
        given = Options(image, "missing", 60, None, 0, self.folder / "log")

        def sleep(seconds: float) -> None:
            self.time += seconds
            self.on_sleep()

        admin = AdminAccess(engine.read_token, engine.connect)
        ProxyUpgrade(
            replace(given, **options), engine, admin, self.env, self, clock=lambda: self.time, sleep=sleep
        ).run()

    def say(self, step: str, message: str) -> None:
        """The log's."""
        self.said.append(message)

    def fails(self, engine: FakeEngine, **options) -> UpgradeFailure:
        with self.assertRaises(UpgradeFailure) as caught:
            self.upgrade(engine, **options)
        return caught.exception

    def assert_goes_on(self, engine: FakeEngine, id_: str = "id1"):
        self.assertEqual(list(engine.all), [id_])
        self.assertEqual(engine.all[id_].restart_policy, "unless-stopped")
        self.assertTrue(engine.all[id_].is_running)
        self.assertEqual(self.env.read(), {})


class UpgradeTests(UpgradeCase):
    def test_the_new_one_takes_over_and_the_old_one_is_removed_when_it_has_ended(self):
        engine = FakeEngine(container(1))
        self.on_sleep = lambda: engine.change("id1", status="exited") if self.time > 30 else None
        self.upgrade(engine)
        self.assertEqual(list(engine.all), ["new"])
        self.assertEqual(engine.all["new"].restart_policy, "unless-stopped")
        # Neither would be started again by itself while it wasn't known who serves.
        self.assertEqual(engine.policies_at_start, {"id1": "no", "new": "no"})
        self.assertEqual(self.env.read(), {"PROXY_IMAGE": "proxy:2", "NET_IMAGE": "proxy:0"})
        self.assertIn("sluice-proxy-1: still finishing calls after 10 s", self.said)

    def test_it_does_not_wait_longer_than_it_is_told(self):
        for limit in (0, 5):
            engine = FakeEngine(container(1))
            self.upgrade(engine, wait_streams=limit)
            self.assertEqual(set(engine.all), {"id1", "new"})
            self.assertEqual(engine.all["id1"].restart_policy, "no", "it would take over again once it has ended")

    def test_one_that_ends_is_removed_and_its_reason_told(self):
        engine = FakeEngine(container(1))

        def end(id_: str) -> str:
            engine.change(id_, status="exited", exit_code=64)
            return ""

        engine.on_start = end
        failure = self.fails(engine)
        self.assertEqual(failure.code, ExitCode.NOT_TAKEN_OVER)
        self.assertIn("--workers must be a number; sluice-proxy-1 goes on as before", str(failure))
        self.assert_goes_on(engine)

    def test_one_that_can_not_be_started(self):
        engine = FakeEngine(container(1))
        engine.on_start = lambda _: "exec format error"
        self.assertIn("exec format error", str(self.fails(engine)))
        self.assert_goes_on(engine)

    def test_one_that_says_nothing_is_given_up(self):
        engine = FakeEngine(container(1))
        engine.on_start = lambda _: ""
        self.assertIn("not within 60 s", str(self.fails(engine)))
        self.assertGreaterEqual(self.time, 60)
        self.assert_goes_on(engine)

    def test_an_interruption_leaves_whoever_serves(self):
        def interrupt():
            raise KeyboardInterrupt

        engine = FakeEngine(container(1))
        engine.on_start = lambda _: ""
        self.on_sleep = interrupt
        with self.assertRaises(KeyboardInterrupt):
            self.upgrade(engine)
        self.assert_goes_on(engine)
        # At the moment at which the new one has taken over, it is kept.
        engine = FakeEngine(container(1))

        def interrupted(id_: str) -> str:
            engine.serves = id_
            raise KeyboardInterrupt

        engine.on_start = interrupted
        with self.assertRaises(KeyboardInterrupt):
            self.upgrade(engine)
        self.assertEqual(engine.all["new"].restart_policy, "unless-stopped")
        self.assertEqual(engine.all["id1"].restart_policy, "no")
        self.assertEqual(self.env.read()["PROXY_IMAGE"], "proxy:2")

    def test_one_that_takes_over_while_it_is_removed(self):
        """The old one has left by then: it is started again."""
        engine = FakeEngine(container(1))

        def late(id_: str) -> str:
            if id_ == "new":
                engine.change("id1", status="exited")
                engine.change("new", status="exited")
            else:
                engine.serves = id_
            return ""

        engine.on_start = late
        self.fails(engine)
        self.assert_goes_on(engine)

    def test_what_an_upgrade_that_was_killed_has_left(self):
        # Before the new one was started, before it had taken over, and after.
        created = container(2, status="created", started_at=datetime.min.replace(tzinfo=timezone.utc))
        for left, serves in [
            ([container(1, restart_policy="no"), created], "id1"),
            ([container(1, restart_policy="no"), container(2, restart_policy="no")], "id1"),
            ([container(1, restart_policy="no", status="exited"), container(2, restart_policy="no")], "id2"),
        ]:
            engine = FakeEngine(*left)
            engine.serves = serves
            self.upgrade(engine, wait_streams=0)
            self.assertEqual(set(engine.all), {serves, "new"})
            self.assertEqual(engine.serves, "new")

    def test_one_that_serves_the_image_already_is_waited_for(self):
        engine = FakeEngine(
            container(1, restart_policy="no", image="proxy:0", image_id="sha0"), container(2, restart_policy="no")
        )
        self.on_sleep = lambda: engine.change("id1", status="exited")
        self.upgrade(engine, image="proxy:1")
        self.assertEqual(list(engine.all), ["id2"])
        self.assertEqual(engine.all["id2"].restart_policy, "unless-stopped", "the interrupted one had not got so far")
        self.assertEqual(self.env.read()["PROXY_IMAGE"], "proxy:1")

    def test_the_same_image_again_is_a_restart(self):
        engine = FakeEngine(container(1))
        self.upgrade(engine, image="proxy:1", wait_streams=0)
        self.assertEqual(engine.serves, "new")

    def test_a_stack_that_runs_in_an_older_form_than_its_files(self):
        engine = FakeEngine(container(1, can_be_replaced=False))
        failure = self.fails(engine)
        self.assertEqual(failure.code, ExitCode.NOT_READY)
        self.assertIn("it was started before its stack's files (own.yml) had `net`", str(failure))
        self.assertIn("run `docker compose --file /srv/own.yml up --detach --wait`", str(failure))
        self.assertNotIn("copy", str(failure))
        self.assert_goes_on(engine)

    def test_files_that_lack_what_an_upgrade_needs(self):
        """`up` alone would change nothing: it was said to bring the stack into that form."""
        for mode, environment, lacks in [
            ("", {}, "no service that holds the Proxy's network and no SLUICE_HANDOVER_SOCKET"),
            ("service:net", {}, "(own.yml) has no SLUICE_HANDOVER_SOCKET"),
            ("", {"SLUICE_HANDOVER_SOCKET": "/x"}, "no service that holds the Proxy's network;"),
        ]:
            for can_be_replaced in (False, True):
                with self.subTest(lacks, can_be_replaced=can_be_replaced):
                    engine = FakeEngine(container(1, can_be_replaced=can_be_replaced))
                    engine.service.update(network_mode=mode, environment=environment)
                    failure = self.fails(engine)
                    self.assertEqual(failure.code, ExitCode.NOT_READY)
                    self.assertIn(lacks, str(failure))
                    self.assertIn("copy `net` and SLUICE_HANDOVER_SOCKET from docker-compose.yml into it", str(failure))
                    self.assert_goes_on(engine)

    def test_a_proxy_that_does_not_run(self):
        failure = self.fails(FakeEngine(container(1, status="exited")))
        self.assertEqual(failure.code, ExitCode.NOT_READY)
        # Without its files, another stack would be started.
        self.assertIn("`docker compose --file /srv/own.yml up --detach --wait` starts it", str(failure))


class ChangedTokenTests(UpgradeCase):
    """The file has another token than the one that the old Proxy was started with."""

    def test_the_new_one_takes_it_into_use(self):
        engine = FakeEngine(container(1))
        engine.token = 2

        def later(id_: str) -> str:
            self.on_sleep = lambda: engine.takes_over(id_)
            return ""

        # Until it takes over, the old one goes on refusing the token.
        engine.on_start = later
        self.upgrade(engine, image="proxy:1", wait_streams=0)
        self.assertEqual((engine.serves, engine.tokens["new"]), ("new", 2))
        self.assertEqual(engine.all["new"].restart_policy, "unless-stopped")
        self.assertIn("sluice-proxy-1 serves, version unknown, from proxy:1", self.said)
        self.assertIn("new has taken over, version 9", self.said)
        self.assertTrue(any("does not take the token: the token is wrong" in line for line in self.said), self.said)

    def test_what_was_left_behind_is_removed_as_ever(self):
        engine = FakeEngine(container(1), container(2, status="exited"))
        engine.serves, engine.token = "id1", 2
        self.upgrade(engine, wait_streams=0)
        self.assertEqual(engine.removed, ["id2"])
        self.assertEqual(engine.serves, "new")

    def test_it_may_change_while_the_image_is_fetched(self):
        engine = FakeEngine(container(1))
        engine.on_provide = lambda: setattr(engine, "token", 2)
        self.upgrade(engine, wait_streams=0)
        self.assertEqual((engine.serves, engine.tokens["new"]), ("new", 2))

    def test_it_may_change_right_before_the_new_one_is_started(self):
        """The new one serves, and was removed."""
        engine = FakeEngine(container(1))
        engine.on_create = lambda: setattr(engine, "token", 2)
        self.upgrade(engine, wait_streams=0)
        self.assertEqual((engine.serves, engine.tokens["new"]), ("new", 2))
        self.assertEqual((set(engine.all), engine.removed), ({"id1", "new"}, []))

    def test_it_may_change_right_after_the_new_one_is_started(self):
        """And whoever changes it may empty the file first, or take it away for a moment."""
        for change in [{"token": 2}, {"token": 0}, {"has_token_file": False}]:
            with self.subTest(change):
                engine = FakeEngine(container(1))

                def start(id_: str, engine=engine, change=change) -> str:
                    vars(engine).update(change)
                    return engine.takes_over(id_)

                engine.on_start = start
                self.upgrade(engine, wait_streams=0)
                self.assertEqual((engine.serves, engine.tokens["new"]), ("new", 1))
                self.assertEqual(engine.removed, [])

    def test_it_may_change_again_where_the_old_one_has_one_from_before(self):
        engine = FakeEngine(container(1))
        engine.token = 2
        engine.on_create = lambda: setattr(engine, "token", 3)
        self.upgrade(engine, wait_streams=0)
        self.assertEqual((engine.serves, engine.tokens["new"]), ("new", 3))

    def test_one_that_does_not_take_over_after_a_change_is_removed(self):
        """The old one takes the token from before, and says so."""
        engine = FakeEngine(container(1))
        engine.on_create = lambda: setattr(engine, "token", 2)
        engine.on_start = lambda _: ""
        self.assertIn("not within 60 s", str(self.fails(engine)))
        self.assert_goes_on(engine)

    def test_a_file_that_can_not_be_read(self):
        engine = FakeEngine(container(1))
        engine.has_token_file = False
        self.assertIn("can't be read", str(self.fails(engine)))
        engine = FakeEngine(container(1))
        engine.on_provide = lambda: setattr(engine, "has_token_file", False)
        self.assertIn("can't be read", str(self.fails(engine)))
        self.assert_goes_on(engine)

    def test_one_that_does_not_take_over_is_removed(self):
        engine = FakeEngine(container(1))
        engine.token = 2
        engine.on_start = lambda _: ""
        failure = self.fails(engine)
        self.assertEqual(failure.code, ExitCode.NOT_TAKEN_OVER)
        self.assertIn("not within 60 s; the admin API does not take the token: the token is wrong; it", str(failure))
        self.assert_goes_on(engine)

    def test_among_several_it_can_not_be_told_who_serves(self):
        engine = FakeEngine(container(1), container(2))
        engine.token = 2
        failure = self.fails(engine)
        self.assertEqual(failure.code, ExitCode.NOT_READY)
        self.assertIn("which of sluice-proxy-1, sluice-proxy-2 serves can't be told", str(failure))
        self.assertIn("the token is wrong; put the token back that it takes, or wait until only one", str(failure))
        self.assertEqual((set(engine.all), engine.removed), ({"id1", "id2"}, []))
        self.assertEqual(self.env.read(), {})


class ContainerTests(unittest.TestCase):
    def test_reads_what_docker_says(self):
        entry = {
            "Id": "a1", "Name": "/sluice-proxy-1", "Image": "sha256:1",
            "State": {"Status": "running", "ExitCode": 0, "Error": "", "StartedAt": "2026-11-29T18:42:32.123456789Z"},
            "Config": {"Image": "proxy:1", "Env": ["SLUICE_HANDOVER_SOCKET=/x"], "Labels": None},
            "HostConfig": {"NetworkMode": "container:77", "RestartPolicy": {"Name": ""}},
        }  # fmt: skip
        read = Container.parse(entry)
        self.assertEqual((read.name, read.restart_policy, read.can_be_replaced), ("sluice-proxy-1", "no", True))
        self.assertEqual(read.started_at.microsecond, 123456)
        entry["HostConfig"]["NetworkMode"] = "sluice"
        self.assertFalse(Container.parse(entry).can_be_replaced)

    def test_who_serves(self):
        two = [container(1), container(2), container(3, status="exited")]
        for number in (1, 2):
            text = (EPOCH + timedelta(minutes=number, milliseconds=-30)).isoformat(timespec="milliseconds")
            self.assertEqual(serving(two, text.replace("+00:00", "Z")).id, f"id{number}")
        self.assertIsNone(serving([], "2026-01-01T00:00:00Z"))
        self.assertEqual(instant("never").year, 1)


class OptionsTests(unittest.TestCase):
    def test_reads_a_command_line(self):
        given = parse(["proxy:2", "--timeout", "2m", "--wait-streams", "10m"], Path("/root"))
        self.assertEqual((given.image, given.timeout, given.wait_streams), ("proxy:2", 120, 600))
        self.assertIsNone(parse(["proxy:2"], Path("/root")).wait_streams)

    def test_off_is_no_limit_as_elsewhere_and_0s_does_not_wait(self):
        for text, expected in [("off", None), ("0s", 0)]:
            self.assertEqual(parse(["proxy:2", "--wait-streams", text], ROOT).wait_streams, expected)

    def test_help_says_what_can_be_missing(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output), self.assertRaises(SystemExit):
            parse(["--help"], ROOT)
        text = " ".join(output.getvalue().split())
        self.assertIn("handover socket, or the log file cannot be opened 3 a deployment", text)
        self.assertIn("the running stack was made from other files than this one", text)
        self.assertIn("0s for not at all, `off` for no limit (default: off)", text)

    def test_wrong_options_end_with_64(self):
        for arguments, said in [
            ([], "required"), ([""], "is empty"), ([" "], "is empty"), (["proxy:2", "--log-file", ""], "is empty"),
            (["proxy:2", "--timeout", "0s"], "no time at all"), (["proxy:2", "--timeout", "60"], "not a duration"),
            (["proxy:2", "--wait-streams", "never"], "not a duration"), (["proxy:2", "--pull", "often"], "often"),
        ]:  # fmt: skip
            with self.subTest(arguments):
                errors = io.StringIO()
                with (
                    contextlib.redirect_stderr(errors),
                    contextlib.redirect_stdout(io.StringIO()),
                    self.assertRaises(SystemExit) as caught,
                ):
                    parse(arguments, ROOT)
                self.assertEqual(caught.exception.code, 64)
                self.assertIn(said, errors.getvalue())


class ProgramTests(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)

    def test_a_log_file_that_can_not_be_opened(self):
        code, output = self.host.upgrade("proxy:2", "--log-file", str(self.host.folder))
        self.assertEqual(code, 2, output)
        self.assertEqual(len(output.splitlines()), 1, output)
        self.assertIn("upgrade.sh: the log file cannot be opened: ", output)
        self.assertEqual(self.host.docker.calls, [])

    def test_not_while_a_deployment_runs(self):
        with DeploymentLock(self.host.folder / ".run/deploy.lock") as lock:
            lock.acquire("deploy v1.1.0", 0)
            code, output = self.host.upgrade("proxy:2")
        self.assertEqual(code, 3, output)
        self.assertIn("exit 3: a deployment or an upgrade runs on this host: deploy v1.1.0", output.splitlines()[-1])
        self.assertFalse(self.host.is_touched)


if __name__ == "__main__":
    unittest.main()
