"""What the measurements were made on."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path


def _setting(name: str) -> str:
    path = Path("/proc/sys") / name.replace(".", "/")
    return path.read_text().strip() if path.exists() else "unknown"


def _package_version(package: str) -> str:
    result = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False
    )
    return result.stdout.strip() or "unknown"


def describe(repository: Path) -> dict:
    """Processor, kernel, network settings and the state of the repository."""
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    system = re.search(r'^PRETTY_NAME="?([^"\n]+)', Path("/etc/os-release").read_text(), re.MULTILINE)
    commit = subprocess.run(
        ["git", "-C", str(repository), "describe", "--always", "--dirty", "--exclude", "*"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {
        "measured_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit.stdout.strip() or "unknown",
        "processor": model[1] if model else "unknown",
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "system": system[1] if system else "unknown",
        "network": os.environ.get("SLUICE_BENCH_NETWORK", "shared"),
        "congestion_control": _setting("net.ipv4.tcp_congestion_control"),
        "libnghttp2": _package_version("libnghttp2-14"),
    }
