#!/usr/bin/env python3
"""Writes the measured table of docs/SECURITY.md from a record of the attack tests.

.venv/bin/python -m pytest --rootdir Tests/EndToEnd -c Tests/EndToEnd/pytest.ini Tests/EndToEnd/test_abuse*.py \\
    --record attacks.json && scripts/security_table.py attacks.json
"""

import json
import os
import platform
import sys
from datetime import date
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "SECURITY.md"
BEGIN, END = "<!-- attacks: begin -->", "<!-- attacks: end -->"

# The test's name, the attack, and what stops it: the rule as named by `sluice_connections_closed_total`, or what
# happens instead.
ATTACKS = [
    ("test_rapid_reset", "Rapid Reset (CVE-2023-44487): open and cancel 3,000 streams", "`resets`"),
    ("test_delayed_rapid_reset", "Rapid Reset, each call cancelled once the upstream works on it", "`resets`"),
    ("test_made_you_reset[window_overflow]", "MadeYouReset (CVE-2025-8671) by window overflow, 3,000 streams", "`resets`"),
    ("test_made_you_reset[content_length]", "MadeYouReset by a `content-length` that lies, 3,000 streams", "`resets`"),
    ("test_empty_headers", "210 HEADERS without a field", "`resets`"),
    ("test_control_frames[settings]", "20,000 SETTINGS (CVE-2019-9515)", "`control_frames`"),
    ("test_control_frames[priority]", "20,000 PRIORITY (CVE-2019-9513)", "`control_frames`"),
    ("test_control_frames[priority_of_itself]", "20,000 PRIORITY that make a stream depend on itself", "`control_frames`"),
    ("test_control_frames[window_update]", "20,000 WINDOW_UPDATE", "`control_frames`"),
    ("test_control_frames[window_update_of_a_stream]", "20,000 WINDOW_UPDATE of a stream", "`control_frames`"),
    ("test_control_frames[reset_of_a_closed_stream]", "20,000 RST_STREAM of a closed stream", "`control_frames`"),
    ("test_control_frames[ping_answers]", "20,000 answers to PINGs that nobody sent", "`control_frames`"),
    ("test_control_frames[goaway]", "20,000 GOAWAY", "`control_frames`"),
    ("test_control_frames[unknown]", "20,000 frames of an unknown type", "`control_frames`"),
    ("test_empty_data[no_payload]", "20,000 empty DATA (CVE-2019-9518)", "`control_frames`"),
    ("test_empty_data[padding]", "20,000 DATA of padding alone", "`control_frames`"),
    ("test_data_of_one_byte", "20,000 DATA of one byte", "passes, within the windows"),
    ("test_data_of_a_closed_stream", "20,000 DATA of a stream that the client has ended", "`control_frames`"),
    ("test_headers_of_a_closed_stream", "20,000 HEADERS of a stream that the Proxy has reset", "`control_frames`"),
    ("test_flood_of_refused_streams", "20,000 streams over the limit, which is not acknowledged", "`control_frames`"),
    ("test_pings", "PINGs without a pause (CVE-2019-9512, gRFC A8)", "`pings`"),
    ("test_continuations", "20,000 CONTINUATION (CVE-2024-28182)", "`control_frames`"),
    ("test_settings_of_2000_entries", "SETTINGS of 2,000 entries (CVE-2020-11080)", "`control_frames`"),
    ("test_header_bomb", "1,000 HPACK bombs: 10,000 references to 3,000 bytes each, window 0", "`header_list`"),
    ("test_header_list_without_end", "one header list of 20,000 frames", "`header_list`"),
    ("test_pinned_header_bombs", "HPACK bombs within the limits, window 0, 400 streams", "held, within the windows"),
    (
        "test_a_head_that_is_too_long_is_the_end_of_its_call", "header list of up to 160,000 bytes or 5,000 fields",
        "call fails: RESOURCE_EXHAUSTED",
    ),
    (
        "test_trailers_that_are_too_long_are_the_end_of_their_call", "trailers of up to 160,000 bytes or 5,000 fields",
        "call fails: RESOURCE_EXHAUSTED",
    ),
    (
        "test_lists_that_are_too_long_again_and_again", "500 header lists of 20,000 bytes, one after the other",
        "calls fail: RESOURCE_EXHAUSTED",
    ),
]

# The same for attacks by an upstream: the defence ends the connection to it.
BACKEND_ATTACKS = [
    ("test_header_lists_without_end", "one header list of 20,000 frames", "`header_list`"),
    ("test_floods[continuations]", "20,000 CONTINUATION", "`control_frames`"),
    ("test_floods[settings]", "20,000 SETTINGS", "`control_frames`"),
    ("test_floods[settings_entries]", "SETTINGS of 2,000 entries", "`control_frames`"),
    ("test_floods[pings]", "20,000 PINGs", "`control_frames`"),
    ("test_floods[priority]", "20,000 PRIORITY", "`control_frames`"),
    ("test_floods[window_update]", "20,000 WINDOW_UPDATE", "`control_frames`"),
    ("test_floods[window_update_of_a_stream]", "20,000 WINDOW_UPDATE of a stream", "`control_frames`"),
    ("test_floods[goaway]", "20,000 GOAWAY", "`control_frames`"),
    ("test_floods[unknown]", "20,000 frames of an unknown type", "`control_frames`"),
    ("test_floods[empty_data]", "20,000 empty DATA", "`control_frames`"),
    ("test_floods[padding]", "20,000 DATA of padding alone", "`control_frames`"),
    ("test_floods[interim_responses]", "20,000 interim responses (103)", "`control_frames`"),
    ("test_flood_after_the_answer", "20,000 HEADERS after the answer", "`control_frames`"),
    ("test_flood_of_resets", "20,000 RST_STREAM", "`control_frames`"),
]


def combined(rows: list[dict]) -> dict:
    """The worst value of each measure over several variants of an attack."""
    return {key: max(row[key] for row in rows) for key in rows[0] if key != "test"}


def table(title: str, attacks: list[tuple[str, str, str]], record: list[dict]) -> list[str]:
    lines = [
        f"| {title} | stopped by | requests at the upstream | memory | processor | over after | the witness's slowest call, failures "
        "| test |",
        "|---|---|--:|--:|--:|--:|--:|---|",
    ]
    for name, attack, rule in attacks:
        rows = [row for row in record if row["test"] == name or row["test"].startswith(name + "[")]
        if not rows:
            sys.exit(f"{name} is not in the record")
        worst = combined(rows)
        lines.append(
            f"| {attack} | {rule} | {worst['reached_backend']:,} | {max(0, worst['resident_growth_bytes']) / 2**20:+.1f} MiB "
            f"| {worst['processor_seconds'] * 1000:.0f} ms | {worst['seconds']:.2f} s "
            f"| {worst['witness_slowest_seconds'] * 1000:.0f} ms, {worst['witness_failures']} | `{name}` |"
        )
    return lines


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        sys.exit(0 if len(sys.argv) == 2 else 64)
    record = json.loads(Path(sys.argv[1]).read_text())
    machine = f"Measured on {date.today()}, {platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}."
    text = DOCUMENT.read_text()
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    tables = [*table("attack by a client", ATTACKS, record), "", *table("attack by an upstream", BACKEND_ATTACKS, record)]
    DOCUMENT.write_text(head + "\n".join([BEGIN, machine, "", *tables, END]) + tail)


if __name__ == "__main__":
    main()
