"""The units of deploy/systemd: systemd understands them, and what they name is beside them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from checkout import ROOT

UNITS = ROOT / "deploy/systemd"


def lines(name: str) -> list[str]:
    """A unit's lines without comments and empty ones."""
    text = (UNITS / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


class UnitsTest(unittest.TestCase):
    @unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd-analyze")
    def test_systemd_understands_them(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            copies = []
            for unit in sorted(UNITS.glob("*.service")):
                copies.append(Path(folder) / unit.name)
                # The programs are not installed here.
                text = re.sub(r"/usr/local/bin/\w+", "/bin/true", unit.read_text(encoding="utf-8"))
                copies[-1].write_text(text, encoding="utf-8")
            self.assertGreaterEqual(len(copies), 3)
            result = subprocess.run(
                ["systemd-analyze", "verify", "--man=no", *copies], capture_output=True, text=True, check=False
            )
        # It also speaks of the machine's other units; these begin with the file's or the unit's name.
        self.assertEqual([], [line for line in result.stderr.splitlines() if re.match(rf"{folder}|sluice-pr", line)])

    def test_each_color_has_its_settings(self) -> None:
        ports = {"blue": ("v1.0.0", 50051, 51051), "green": ("v1.1.0", 50052, 51052)}
        for color, (version, grpc, http) in ports.items():
            self.assertEqual(
                [
                    f"MODEL_VERSION={version}", f"MODEL_PATH=/opt/sluice/models/{version}/model.pkl", "HOST=127.0.0.1",
                    f"PORT={grpc}", f"HTTP_PORT={http}",
                ],
                lines(f"{color}.env"),
            )  # fmt: skip
            self.assertTrue((ROOT / f"models/{version}/model.pkl").exists())
            self.assertIn(f"SLUICE_{color.upper()}=127.0.0.1:{grpc}", lines("proxy.env"))

    def test_the_template_is_the_same_unit_with_a_user_and_a_handover_socket(self) -> None:
        one, template = lines("sluice-proxy.service"), lines("sluice-proxy@.service")
        self.assertEqual(
            ["Description=Sluice blue-green gRPC proxy", "DynamicUser=yes"],
            [line for line in one if line not in template],
        )
        self.assertEqual(
            [
                "Description=Sluice blue-green gRPC proxy (%i)", "User=sluice", "Group=sluice",
                "RuntimeDirectory=sluice", "RuntimeDirectoryMode=0700", "RuntimeDirectoryPreserve=yes",
                "Environment=SLUICE_HANDOVER_SOCKET=%t/sluice/handover.sock",
            ],
            [line for line in template if line not in one],
        )  # fmt: skip


if __name__ == "__main__":
    unittest.main()
