"""Writes the results as Markdown."""

from pathlib import Path

from .results import PeerResult, Results
from .rows import REFERENCE
from .scenarios import SCENARIOS, Kind, Scenario

PROXY = "sluice"
FLOOR = "haproxy-tcp"
BEGIN = "<!-- tables: written by scripts/bench.sh from here -->"
END = "<!-- tables: to here -->"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _table(header: list[str], rows: list[list[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "--:|" * (len(header) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _spread(result: PeerResult) -> str:
    return f"{_number(min(result.figures))}–{_number(max(result.figures))}"


def _failures(result: PeerResult) -> str:
    parts = [f"{count} {name.replace('_', ' ')}" for name, count in result.failures.items()]
    if result.errors:
        parts.append(f"{len(result.errors)} runs: {result.errors[-1]}".replace("|", "/"))
    return ", ".join(parts) or "0"


def _in_order(scenario: Scenario, peers: list[PeerResult]) -> list[PeerResult]:
    """The best first; those without a figure last."""
    sign = -1 if scenario.has_least_goal else 1
    return sorted(peers, key=lambda peer: (peer.figure is None, sign * (peer.figure or 0)))


def _name(result: PeerResult) -> str:
    label = f"{result.name.removesuffix('-newer').removesuffix('-tcp')} {result.version}"
    if not result.is_http2:
        label += " (tcp, the floor)" if result.name == FLOOR else " (tcp)"
    return f"**{label}**" if result.name == PROXY else label


def _load_row(result: PeerResult) -> list[str]:
    if not result.runs:
        return [_name(result), *["–"] * 7, _failures(result)]
    return [
        _name(result),
        _number(result.figure),
        _spread(result),
        _number(result.median_of("calls_per_second")),
        _number(result.median_of("latency_us", "p50")),
        _number(result.median_of("latency_us", "p99")),
        f"{100 * result.median_of('proxy_cores'):.0f} %",
        f"{100 * max(run['foreign_cores'] for run in result.runs):.0f} %",
        _failures(result),
    ]


def _resident_row(result: PeerResult) -> list[str]:
    return [_name(result), _number(result.figure), _spread(result) if result.runs else "–", _failures(result)]


def _rows_row(result: PeerResult) -> list[str]:
    if not result.runs:
        return [_name(result), *["–"] * 4, _failures(result)]
    many = [run["batch_us_per_row"] for run in result.runs]
    return [
        _name(result),
        _number(result.figure),
        _spread(result),
        _number(result.median_of("batch_us_per_row")),
        f"{_number(min(many))}–{_number(max(many))}",
        _failures(result),
    ]


def _memory_row(result: PeerResult) -> list[str]:
    if not result.runs:
        return [_name(result), "–", "–", "–", _failures(result)]
    before = _number(result.median_of("kib_before") / 1024)
    return [_name(result), _number(result.figure), _spread(result), before, _failures(result)]


def _scaling_row(result: PeerResult) -> list[str]:
    if not result.runs:
        return [_name(result), *["–"] * 6, _failures(result)]
    return [
        _name(result),
        _number(result.figure),
        _spread(result),
        _number(result.median_of("one", "cpu_us_per_call")),
        _number(result.median_of("more", "cpu_us_per_call")),
        _number(result.median_of("one", "busiest_thread_us_per_call")),
        _number(result.median_of("more", "busiest_thread_us_per_call")),
        _failures(result),
    ]


def _release_row(scenario: Scenario, result: PeerResult) -> list[str]:
    if not result.runs:
        return [scenario.name, *["–"] * 11, _failures(result)]

    def p99(which: str) -> float:
        return result.median_of(which, "latency_us", "p99")

    copied, compared = (f"{100 * result.median_of('more', f'{what}_share'):.3g} %" for what in ("copied", "compared"))
    return [
        f"{scenario.name}: {scenario.title.removeprefix('16x16, ')}",
        _number(result.median_of("more", "cpu_us_per_call")),
        _number(result.median_of("more", "comparing_us_per_call")),
        _number(result.median_of("one", "cpu_us_per_call")),
        _number(result.figure),
        _spread(result),
        _number(result.median_of("more", "calls_per_second")),
        _number(result.median_of("more", "latency_us", "p50")),
        _number(p99("more")),
        _number(p99("one")),
        copied,
        compared,
        _failures(result),
    ]


#: How the table of releases is to be read.
_RELEASES = (
    "Sluice alone: none of its peers has releases that copy calls and compare answers. Each scenario is measured in"
    " turns with the same without a release (*without*); the row of shadow-0 is two of these, and shows how exact the"
    " others are. Messages are PredictResponses of 64 bytes, compared without descriptors; where answers differ, they"
    " do in label, probabilities and version. Where the idle color misbehaves, 8 calls are under way at once, as it is"
    " their time that counts. Processor time is that of all of the Proxy's threads; comparisons are"
    " made when there is time, also after a turn's last call, and their time is taken of all of them."
)


def _releases_section(scenarios: list[Scenario], results: Results) -> str:
    header = [
        "scenario", "CPU µs/call", "of it comparing", "CPU without", "ratio", "least–most", "calls/s", "p50 µs",
        "p99 µs", "p99 without", "copied", "compared", "failures",
    ]  # fmt: skip
    rows = [_release_row(scenario, peer) for scenario in scenarios for peer in results.peers(scenario)]
    remarks: dict[str, list[str]] = {}
    for scenario in scenarios:
        about = results.description(scenario)
        extent = f"Measured {about['measured_at'][:10]} at {about['commit']}, {_extent(scenario, about)}"
        remarks.setdefault(extent, []).append(scenario.name)
    lines = [f"{extent}: {', '.join(names)}." for extent, names in remarks.items()]
    heading = "### Releases: 16x16 while one is under way"
    return "\n\n".join([heading, _table(header, rows), "\n".join([_RELEASES, *lines])])


def sections(scenarios: list[Scenario], results: Results) -> list[str]:
    """A section for each scenario that is measured, and one for all those of releases together."""
    measured = [scenario for scenario in scenarios if results.has(scenario)]
    releases = [scenario for scenario in measured if scenario.kind is Kind.RELEASE]
    alone = [scenario_section(scenario, results) for scenario in measured if scenario not in releases]
    return alone + ([_releases_section(releases, results)] if releases else [])


def _extent(scenario: Scenario, description: dict) -> str:
    rounds = f"{description['rounds']} rounds"
    if scenario.kind in (Kind.MEMORY, Kind.RESIDENT):
        return rounds
    return f"{rounds} of {description['turns']} turns of {description['seconds']:g} s"


def scenario_section(scenario: Scenario, results: Results) -> str:
    """The heading, table and remarks of one scenario."""
    peers = _in_order(scenario, results.peers(scenario))
    if scenario.kind is Kind.MEMORY:
        each = "stream" if scenario.mode == "hold-streams" else "connection"
        table = _table(
            ["proxy", f"KiB per {each}", "least–most", "MiB before", "failures"], [_memory_row(peer) for peer in peers]
        )
    elif scenario.kind is Kind.SCALING:
        header = [
            "proxy", "factor", "least–most", "µs/call, 1 worker", "µs/call, 2 workers", "busiest thread, 1 worker",
            "busiest thread, 2 workers", "failures",
        ]  # fmt: skip
        table = _table(header, [_scaling_row(peer) for peer in peers])
    elif scenario.kind is Kind.RESIDENT:
        table = _table(["server", "MiB", "least–most", "failures"], [_resident_row(peer) for peer in peers])
    elif scenario.kind is Kind.ROWS:
        header = ["library", "CPU µs/row alone", "least–most", "CPU µs/row of 10,000", "least–most", "failures"]
        table = _table(header, [_rows_row(peer) for peer in peers])
    else:
        subject, figure = scenario.subject.value, scenario.unit
        header = [
            subject, figure if scenario.kind is Kind.RATE else f"CPU {figure}", "least–most", "calls/s", "p50 µs",
            "p99 µs", f"{subject}'s core busy", "foreign load", "failures",
        ]  # fmt: skip
        table = _table(header, [_load_row(peer) for peer in peers])
    description = results.description(scenario)
    remarks = [
        *scenario.notes,
        f"Measured {description['measured_at']} at {description['commit']}, {_extent(scenario, description)}.",
    ]
    remarks += [f"Skipped {name}: {reason}." for name, reason in results.skipped(scenario).items()]
    return f"### {scenario.name}: {scenario.title}\n\n{table}\n\n" + "\n".join(remarks)


def _verdict(scenario: Scenario, peers: dict[str, PeerResult]) -> list[str]:
    """One row of the table of goals."""
    own = peers.get(PROXY)
    figure = own.figure if own else None
    others = [peer for peer in peers.values() if peer.is_http2 and peer.name != PROXY and peer.figure is not None]
    best = _in_order(scenario, others)[0] if others else None
    best_text = f"{_number(best.figure)} ({_name(best)})" if best else "–"
    if scenario.kind is not Kind.CPU_PER_CALL:
        row = [scenario.name, f"{_number(figure)} {scenario.unit}", best_text, "–"]
        if scenario.goal is None:
            return [*row, "–", "–"]
        is_least = scenario.has_least_goal
        met = figure is not None and (figure >= scenario.goal if is_least else figure <= scenario.goal)
        goal = f"{'≥' if is_least else '≤'} {scenario.goal:g} {scenario.unit}"
        reference = peers.get(REFERENCE)
        if scenario.kind is Kind.ROWS and own is not None and own.runs and reference is not None and reference.runs:
            many = own.median_of("batch_us_per_row") / reference.median_of("batch_us_per_row")
            row[-1] = f"10,000 rows: {_number(many)} x {REFERENCE}"
            goal += f"; 10,000 rows ≤ 1 x {REFERENCE}"
            met = met and many <= 1
        return [*row, goal, _answer(figure, met)]
    ratio = figure / best.figure if figure is not None and best else None
    goals = [] if scenario.goal is None else [f"≤ {scenario.goal:g}"]
    met = scenario.goal is None or (ratio is not None and ratio <= scenario.goal)
    ratio_text = _number(ratio)
    floor = peers.get(FLOOR)
    if scenario.floor_goal is not None and floor is not None and floor.figure is not None and figure is not None:
        goals.append(f"≤ {scenario.floor_goal:g} x floor")
        met = met and figure / floor.figure <= scenario.floor_goal
        ratio_text += f"; {_number(figure / floor.figure)} x floor"
    if scenario.name == "100x100" and own is not None and own.runs:
        tail = own.median_of("latency_us", "p99") / own.median_of("latency_us", "p50")
        goals.append("p99 ≤ 2 x p50")
        met = met and tail <= 2
        ratio_text += f"; p99 {_number(tail)} x p50"
    answer = _answer(ratio, met) if goals else "–"
    return [scenario.name, f"{_number(figure)} {scenario.unit}", best_text, ratio_text, "; ".join(goals) or "–", answer]


def _answer(figure: float | None, met: bool) -> str:
    if figure is None:
        return "not measured"
    return "yes" if met else "**no**"


def tables(results: Results) -> str:
    """All of it: the goals, then a section per scenario."""
    measured = [scenario for scenario in SCENARIOS if results.has(scenario)]
    if not measured:
        return "Nothing is measured yet: run `scripts/bench.sh`."
    rows = [_verdict(scenario, {peer.name: peer for peer in results.peers(scenario)}) for scenario in measured]
    goals = _table(["scenario", "Sluice", "best peer", "ratio", "goal", "met"], rows)
    newest = max((results.description(scenario) for scenario in measured), key=lambda entry: entry["measured_at"])
    machine = (
        f"{newest['cores']} cores of {newest['processor']}, Linux {newest['kernel']}, {newest['system']},"
        f" libnghttp2 {newest['libnghttp2']} under Sluice and the load,"
        f" {newest['network']} network, {newest['congestion_control']}."
    )
    return "\n\n".join([machine, "### Goals", goals, *sections(measured, results)])


def write_into(document: Path, text: str) -> None:
    """Replaces what stands between the two marks. Raises `ValueError` if they aren't there."""
    content = document.read_text()
    before, begin, rest = content.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} lacks the marks of the tables")
    document.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
