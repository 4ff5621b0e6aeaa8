"""The command line of scripts/profile.sh."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from . import machine
from .callgrind import instructions_per_call
from .driver import LoadError
from .kept import Figure, KeptFigures
from .peers import Places, Unavailable
from .sampling import sample
from .scenarios import SCENARIOS, Kind, Scenario, scenario_named
from .symbols import CATEGORIES

#: How much more than the kept figure `--check` lets pass.
TOLERANCE = 1.10
#: A path's processes are counted in scenarios of their own.
COUNTED = [
    scenario for scenario in SCENARIOS
    if scenario.kind in (Kind.CPU_PER_CALL, Kind.SERVED_CALL) and not scenario.behind_proxy
]  # fmt: skip
#: What a release copies is compared when there is time, so that its instructions can't be told by the call.
PROFILED = COUNTED + [scenario for scenario in SCENARIOS if scenario.kind is Kind.RELEASE]


def _names(text: str) -> list[Scenario]:
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in {scenario.name for scenario in PROFILED}:
            raise argparse.ArgumentTypeError(f"no scenario {name}; there are {_listed()}")
    return [scenario_named(name) for name in names]


def _listed() -> str:
    return ", ".join(scenario.name for scenario in PROFILED)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/profile.sh", description="Shows what a call costs the Proxy, and the Predictor."
    )
    parser.add_argument(
        "--scenarios", type=_names, default=COUNTED, help=f"those without a release by default: {_listed()}"
    )
    parser.add_argument("--keep", action="store_true", help="keep the instructions as the figures to check against")
    parser.add_argument(
        "--check", type=_names, metavar="SCENARIOS",
        help="only count instructions of these; exit with 1 if one needs over 10 %% more than is kept",
    )  # fmt: skip
    parser.add_argument("--perf", action="store_true", help="only sample where processor time goes")
    parser.add_argument("--instructions", action="store_true", help="only count instructions")
    parser.add_argument("--seconds", type=float, default=5.0, help="of sampling; 5 by default")
    parser.add_argument("--functions", type=int, default=15, help="the costliest functions to list; 15 by default")
    parser.add_argument("--repository", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--bench", type=Path, required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def _count(places: Places, scenario: Scenario, functions: int = 0) -> Figure:
    """The figure; prints the functions that need the most instructions."""
    with tempfile.TemporaryDirectory(prefix="profile-", dir=places.bench) as folder:
        counted = instructions_per_call(Places(places.repository, places.bench, Path(folder)), scenario)
    about = machine.describe(places.repository)
    for (category, symbol), count in sorted(counted.by_function.items(), key=lambda entry: -entry[1])[:functions]:
        print(f"        {count:10,.0f}  {category:14} {symbol[:90]}")
    by_category = {category: round(counted.by_category.get(category, 0)) for category in CATEGORIES[1:]}
    return Figure(scenario.name, round(counted.total), by_category, about["libnghttp2"], about["commit"])


def _show(figure: Figure, kept: Figure | None) -> None:
    print(f"{figure.scenario}: {figure.total:,} user instructions per call")
    for category, count in sorted(figure.by_category.items(), key=lambda entry: -entry[1]):
        if abs(count) >= figure.total / 1000:
            print(f"    {category:14} {count:10,}  {100 * count / figure.total:5.1f} %")
    if kept is not None:
        print(f"    kept: {kept.total:,} at {kept.commit} ({100 * (figure.total / kept.total - 1):+.1f} %)")
        if kept.libnghttp2_version != figure.libnghttp2_version:
            print(f"    kept with libnghttp2 {kept.libnghttp2_version}, now {figure.libnghttp2_version}")
    sys.stdout.flush()


def _show_samples(places: Places, scenario: Scenario, seconds: float, functions: int) -> None:
    with tempfile.TemporaryDirectory(prefix="profile-", dir=places.bench) as folder:
        profile = sample(Places(places.repository, places.bench, Path(folder)), scenario, seconds)
    print(f"{scenario.name}: processor time, {profile.total:,} samples")
    for category, count in profile.categories.most_common():
        print(f"    {category:14} {100 * count / profile.total:5.1f} %")
    for (category, symbol), count in profile.functions.most_common(functions):
        print(f"        {100 * count / profile.total:5.1f} %  {category:14} {symbol[:90]}")
    sys.stdout.flush()


def _check(places: Places, kept: KeptFigures, scenarios: list[Scenario]) -> int:
    status = 0
    for scenario in scenarios:
        limit = kept.figure(scenario.name)
        if limit is None:
            print(f"{scenario.name}: no figure is kept: scripts/profile.sh --instructions --keep", file=sys.stderr)
            status = 1
            continue
        figure = _count(places, scenario)
        _show(figure, limit)
        if figure.total > limit.total * TOLERANCE:
            print(
                f"{scenario.name}: {figure.total:,} instructions per call are over 10 % more than the kept"
                f" {limit.total:,}",
                file=sys.stderr,
            )
            status = 1
    return status


def main() -> int:
    arguments = _arguments()
    places = Places(arguments.repository, arguments.bench, arguments.bench)
    kept = KeptFigures(arguments.repository / "bench/instructions.tsv")
    if arguments.check is not None:
        try:
            return _check(places, kept, arguments.check)
        except (LoadError, Unavailable) as error:
            print(f"profile: {error}", file=sys.stderr)
            return 1
    status = 0
    for scenario in arguments.scenarios:
        try:
            if not arguments.perf and scenario in COUNTED:
                figure = _count(places, scenario, arguments.functions)
                _show(figure, kept.figure(scenario.name))
                if arguments.keep:
                    kept.keep(figure, [entry.name for entry in COUNTED])
            if not arguments.instructions:
                _show_samples(places, scenario, arguments.seconds, arguments.functions)
        except Unavailable as reason:
            print(f"profile: SKIPPED {scenario.name}: {scenario.subject.value}: {reason}", file=sys.stderr)
        except LoadError as error:
            print(f"profile: {scenario.name}: {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    # What was started is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
