"""Ports for listeners whose port must be known before they start."""

import random
import socket
from pathlib import Path

_handed_out: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 that is free now. It is below the ephemeral range, so no outgoing connection takes it.

    A port is handed out once per test run.
    """
    first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    low, high = (15_000, first_ephemeral) if first_ephemeral > 20_000 else (61_000, 65_000)
    for _ in range(1_000):
        port = random.randrange(low, high)
        if port in _handed_out:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _handed_out.add(port)
        return port
    raise RuntimeError("no free port found")
