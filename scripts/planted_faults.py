#!/usr/bin/env python3
"""Plants faults in the data plane, one at a time, and sees whether the simulation finds each.

usage: scripts/planted_faults.py [--check | [--seeds N] [NAME...]]

Each fault is a change of a few words of the sources. All are made in one copy under .build/faults, behind switches, so
that it is built once (about a minute); then Tests/DataPlaneTests/Simulation plays N seeds at most with each of them,
1000 by default. Without names all are planted. FAULTS names them, and Tests/DataPlaneTests/Simulation/README.md has the
seeds that found them. A text that isn't found exactly once is an error: the fault has to follow the code. --check looks
for that alone, without a build.

Exit codes: 0 all were found; 1 one was not, or the sources as they are fail, or a text isn't found; 64 wrong arguments;
70 a build failed.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".build" / "faults"
PACKAGE = FOLDER / "sluice"
PROGRAM = FOLDER / "build" / "release" / "sluicePackageTests.xctest"
MODULES = ["CLinux", "CNghttp2", "COpenSSL", "Ground", "EventLoop", "TLS", "HTTP2", "Connections", "DataPlane"]

# What is wrong, the text as it is, and as it is with a switch for the fault.
FAULTS = {
    "client-credit": (
        "a client gets no credit for what its upstream has taken",
        "            call.creditClient(count)\n",
        "            if !isPlanted { call.creditClient(count) }\n",
    ),
    "upstream-credit": (
        "an upstream gets no credit for what its client has taken",
        "        if count > 0 { call.creditUpstream(count, self) }\n",
        "        if count > 0, !isPlanted { call.creditUpstream(count, self) }\n",
    ),
    "connection-credit": (
        "a connection gets no credit for bytes that nobody wants any more",
        """        creditConnection(bytes.count)
        let call = context.call
        guard case .open = call.client, !call.response.hasEnded else {
""",
        """        let call = context.call
        let isWanted = if case .open = call.client { true } else { false }
        if isWanted || !isPlanted { creditConnection(bytes.count) }
        guard case .open = call.client, !call.response.hasEnded else {
""",
    ),
    "ledger-entry": (
        "the ledger doesn't hear of the end of a call that the Proxy has answered",
        "        leave(destination)\n",
        "        if !isPlanted || call.proxyAnswer == nil { leave(destination) }\n",
    ),
    "drain-waiters": (
        "those who wait for a drain aren't told of the last call's end",
        "        if !drainWaiters.isEmpty { drainWaiters.notify(ledger) }\n",
        "        if !drainWaiters.isEmpty, !isPlanted { drainWaiters.notify(ledger) }\n",
    ),
    "stale-index": (
        "a call that takes another one's place on an upstream isn't told its new index",
        "        calls.remove(at: call.indexOnUpstream) { $0.indexOnUpstream = call.indexOnUpstream }\n",
        "        calls.remove(at: call.indexOnUpstream) { $0.indexOnUpstream = isPlanted ? 0 : call.indexOnUpstream }\n",
    ),
    "stale-waiting": (
        "a call that has ended stays in the queue that it waited in",
        "            pool.use { $0.abandon(ticket) }\n",
        "            if !isPlanted { pool.use { $0.abandon(ticket) } }\n",
    ),
    "stale-held-back": (
        "a call that has ended stays among those that wait for a share of the window",
        "            heldBack.removeAll { $0.use { $0 === call } }\n",
        "            if !isPlanted { heldBack.removeAll { $0.use { $0 === call } } }\n",
    ),
    "window-grant": (
        "the growth of a response's window isn't given back",
        "        call.giveBackResponseGrant()\n        call.giveBackRequestGrant()\n",
        "        if !isPlanted { call.giveBackResponseGrant() }\n        call.giveBackRequestGrant()\n",
    ),
    "replay-credit": (
        "a replay is credited a second time",
        "        creditedBytes += requestBody.replayCount\n",
        "        if !isPlanted { creditedBytes += requestBody.replayCount }\n",
    ),
    "late-route": (
        "a call that is placed again goes where the route word leads now",
        "        guard let color = call.destination?.color else {",
        """        let placed = isPlanted && call.hasBeenRetried ? routeWord.load().active : call.destination?.color
        guard let color = placed else {""",
    ),
    "fallback-ledger": (
        "a call of a release's share that falls back stays in the ledger under its first color, too",
        "        leave(old)\n",
        "        if !isPlanted { leave(old) }\n",
    ),
    "share-zero": (
        "calls go to the new color though its share has ended",
        "            if route.share > .none, route.share.contains(hash(routeWord.secret)) { return canary(route) }\n",
        """            let share = isPlanted && route.epoch > 2 ? Share(parts: max(route.share.parts, 500)) : route.share
            if share > .none, share.contains(hash(routeWord.secret)) { return canary(route) }
""",
    ),
    "preview-color": (
        "a call by the preview listener goes to the active color",
        "            return Destination(epoch: route.epoch, color: route.active.other, reason: .preview)\n",
        """            let color = isPlanted ? route.active : route.active.other
            return Destination(epoch: route.epoch, color: color, reason: .preview)
""",
    ),
    "preview-ledger": (
        "those who wait for a drain wait for calls that asked for their color, too",
        "        case .placed: entries.contains(where: isLeft)\n",
        "        case .placed: entries.contains(where: isLeft) || isPlanted && askedFor.contains(where: isLeft)\n",
    ),
    "preview-drain": (
        "a drain doesn't wait for calls that asked for their color",
        "        case .all: entries.contains(where: isLeft) || askedFor.contains(where: isLeft)\n",
        "        case .all: entries.contains(where: isLeft) || !isPlanted && askedFor.contains(where: isLeft)\n",
    ),
    "route-metadata": (
        "the metadata that names a call's color is passed on",
        "        own.removeAll(named: name)\n",
        "        if !isPlanted { own.removeAll(named: name) }\n",
    ),
    "announced-by-others": (
        "what an upstream says in the Proxy's name is passed on",
        "        head = announced(headerLists.removing(.proxyOwned, from: head), for: call)\n",
        "        head = announced(isPlanted ? head : headerLists.removing(.proxyOwned, from: head), for: call)\n",
    ),
    "early-trailers": (
        "trailers overtake the body",
        "        if responseBody.isEmpty, case .ended(let trailers?) = response,\n",
        "        if responseBody.isEmpty || isPlanted, case .ended(let trailers?) = response,\n",
    ),
    "cut-short": (
        "a response that an upstream has reset ends as if it were complete",
        "        responseReset = code\n",
        "        if !isPlanted { responseReset = code }\n",
    ),
    "kept-upstream": (
        "a pool keeps a connection that takes no more calls",
        "        phase = .goingAway\n        pool.connectionLeaves(self)\n",
        "        phase = .goingAway\n        if !isPlanted { pool.connectionLeaves(self) }\n",
    ),
    "room-made": (
        "waiting calls aren't told that a stream has ended",
        """        closeLeg(of: call)
        pool.roomWasMade()
        guard case .open(let client, let clientStream) = call.client else""",
        """        closeLeg(of: call)
        if !isPlanted { pool.roomWasMade() }
        guard case .open(let client, let clientStream) = call.client else""",
    ),
    "drain-timer": (
        "a drain ends only the calls that are due at once",
        "            worker.loop.schedule(after: next.since(now)) { [unowned self] in endDueCalls() }\n",
        """            worker.loop.schedule(after: next.since(now)) { [unowned self] in
                if !isPlanted { endDueCalls() }
            }
""",
    ),
    "late-deadline": (
        "a deadline is kept a second late",
        "        if let deadline = call.deadline, now > deadline, !call.response.hasEnded {\n",
        """        let late = Duration.seconds(isPlanted ? 1 : 0)
        if let deadline = call.deadline, now > deadline + late, !call.response.hasEnded {
""",
    ),
    "lost-attempt": (
        "waiting calls aren't told that connecting has failed",
        "        worker.loop.cancel(timeout)\n        attempt = .none\n        tryNext(rest, .unreachable, reason)\n",
        """        worker.loop.cancel(timeout)
        attempt = .none
        if !isPlanted { tryNext(rest, .unreachable, reason) }
""",
    ),
    "partial-write": (
        "bytes that a socket has taken are written again",
        "                unsent = unsafe Array(rest)\n",
        "                unsent = Array(isPlanted ? bytes : rest)\n",
    ),
    "late-client": (
        "a client that comes during a shutdown isn't told to leave",
        "            if isShuttingDown { connection.beginShutdown() }\n",
        "            if isShuttingDown, !isPlanted { connection.beginShutdown() }\n",
    ),
    "kept-connection": (
        "a connection that wasn't made in time is kept",
        '        connection.close("timed out")\n',
        '        if !isPlanted { connection.close("timed out") }\n',
    ),
    "kept-body": (
        "the waiting part of a response is kept when its client leaves",
        "        call.responseBody.removeAll(to: worker.chunks)\n        if case .ended(let trailers?)",
        """        if !isPlanted { call.responseBody.removeAll(to: worker.chunks) }
        if case .ended(let trailers?)""",
    ),
    "kept-trailers": (
        "trailers that nobody takes are kept",
        """        if case .ended(let trailers?) = call.response { worker.headerLists.give(trailers) }
        call.request =""",
        """        if case .ended(let trailers?) = call.response, !isPlanted { worker.headerLists.give(trailers) }
        call.request =""",
    ),
    "many-tries": (
        "a call that is refused is placed again, time after time",
        "        call.hasBeenRetried = true\n",
        "        if !isPlanted { call.hasBeenRetried = true }\n",
    ),
    "copy-cancel": (
        "a copy goes on when its call is cancelled",
        "        call.copy?.liveIsOver()\n",
        "        if !isPlanted { call.copy?.liveIsOver() }\n",
    ),
    "copy-request": (
        "a copy of a request that lacks a piece looks complete",
        "            call.copy?.giveUp(.cancelled)\n            return consumeStream(bytes.count, on: stream)\n",
        "            if !isPlanted { call.copy?.giveUp(.cancelled) }\n            return consumeStream(bytes.count, on: stream)\n",
    ),
    "copy-bytes": (
        "what a copy has sent is counted as kept",
        "            leg.copy.letGo(count)\n",
        "            if !isPlanted { leg.copy.letGo(count) }\n",
    ),
    "copy-index": (
        "a leg that takes another one's place on a connection isn't told",
        "        if index < legs.count { legs[index].index = index }\n",
        "        if index < legs.count, !isPlanted { legs[index].index = index }\n",
    ),
    "copy-of-refused": (
        "a copy that was refused counts as an answer",
        "        if leg.isAwaited, code == .refusedStream {\n",
        "        if leg.isAwaited, code == .refusedStream, !isPlanted {\n",
    ),
    "copy-route": (
        "calls of another epoch than the step's are copied",
        "let destination = call.destination, destination.epoch == rule.epoch,\n",
        "let destination = call.destination, destination.epoch == rule.epoch || isPlanted,\n",
    ),
}


def fail(code: int, message: str) -> None:
    print(message, file=sys.stderr)
    sys.exit(code)


def make_package() -> None:
    """Copies what the simulation needs, and plants all faults, each with its switch."""
    for name in MODULES:
        copy(ROOT / "Sources" / name, PACKAGE / "Sources" / name)
    for name in ["Connections", "DataPlane", "TLS"]:
        (PACKAGE / "Sources" / name / "PlantedFault.swift").write_text(
            """import Glibc

private let planted = getenv("SLUICE_PLANTED_FAULT").map { String(cString: $0) }

/// Whether this fault is the one that is planted.
func isPlanted(_ name: String) -> Bool { planted == name }
"""
        )
    for name in ["DataPlaneTests", "TestSupport"]:
        copy(ROOT / "Tests" / name, PACKAGE / "Tests" / name)
    (PACKAGE / "Package.swift").write_text(
        """// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
]
let hotPath: [SwiftSetting] = strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"])]
let package = Package(
    name: "sluice",
    platforms: [.macOS(.v15)],
    targets: [
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl"),
        .target(name: "CLinux"),
        .target(name: "Ground", dependencies: ["CLinux"], swiftSettings: hotPath),
        .target(name: "EventLoop", dependencies: ["CLinux", "Ground"], swiftSettings: hotPath),
        .target(name: "TLS", dependencies: ["COpenSSL", "EventLoop", "Ground"], swiftSettings: hotPath),
        .target(name: "HTTP2", dependencies: ["CNghttp2"], swiftSettings: hotPath),
        .target(name: "Connections", "DataPlane", dependencies: ["EventLoop", "Ground", "HTTP2", "TLS"], swiftSettings: hotPath),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(
            name: "DataPlaneTests",
            dependencies: ["CNghttp2", "Connections", "DataPlane", "EventLoop", "Ground", "HTTP2", "TestSupport"],
            exclude: ["Simulation/README.md"], swiftSettings: strict),
    ])
"""
    )


def copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def plant() -> None:
    for name, (_, old, new) in FAULTS.items():
        path = find(old, PACKAGE / "Sources")
        path.write_text(path.read_text().replace(old, new.replace("isPlanted", f'isPlanted("{name}")')))


def build() -> bool:
    run = subprocess.run(
        [str(ROOT / "scripts/swift.sh"), "build", *options(), "--product", "sluicePackageTests"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if run.returncode != 0:
        print(run.stdout[-4000:])
    return run.returncode == 0


def options() -> list[str]:
    return ["--package-path", str(PACKAGE), "--scratch-path", str(FOLDER / "build")]


def play(seeds: int, fault: str = "") -> str | None:
    """What the simulation has found; None for nothing."""
    try:
        run = subprocess.run(
            [str(PROGRAM), "--testing-library", "swift-testing", "--filter", "SimulationTests"],
            env={**os.environ, "SLUICE_SIMULATION_SEEDS": str(seeds), "SLUICE_PLANTED_FAULT": fault},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=600,
        )
    except subprocess.TimeoutExpired:
        return "a seed doesn't end"
    if run.returncode == 0:
        return None
    output = re.sub(r"\x1b\[\d+m", "", run.stdout)
    seeds_found = re.findall(r"seed \d+ \(.*?\): [^\n]*", output)
    if seeds_found:
        return min(seeds_found, key=lambda text: int(text.split()[1]))[:240]
    fatal = re.findall(r"[^\n]*(?:Fatal error|Precondition failed|Assertion failed)[^\n]*", output)
    return fatal[0][:240] if fatal else f"it ends with {run.returncode}: {output[-400:]}"


def find(text: str, sources: Path) -> Path:
    """The only source that has a text, once."""
    found = [path for name in MODULES for path in (sources / name).rglob("*.swift") if text in path.read_text()]
    if len(found) != 1 or found[0].read_text().count(text) != 1:
        fail(1, f"this is in {len(found)} sources, and has to be in one, once:\n{text}")
    return found[0]


def check() -> None:
    """Fails unless every fault can be planted in the sources as they are."""
    for _, old, _ in FAULTS.values():
        find(old, ROOT / "Sources")


def main() -> None:
    arguments = sys.argv[1:]
    seeds = 1000
    if "-h" in arguments or "--help" in arguments:
        print(__doc__.strip())
        return
    if arguments == ["--check"]:
        check()
        return
    if "--seeds" in arguments:
        place = arguments.index("--seeds")
        if place + 1 == len(arguments) or not arguments[place + 1].isdigit():
            fail(64, "--seeds needs a number")
        seeds = int(arguments[place + 1])
        del arguments[place : place + 2]
    unknown = [name for name in arguments if name not in FAULTS]
    if unknown:
        fail(64, f"unknown faults: {', '.join(unknown)} (see --help)")
    make_package()
    plant()
    if not build():
        fail(70, "the build failed")
    if not arguments:
        found = play(seeds)
        if found is not None:
            fail(1, f"without a fault: {found}")
        print(f"without a fault: {seeds} seeds find nothing", flush=True)
    missed = []
    names = arguments or list(FAULTS)
    for name in names:
        began = time.monotonic()
        found = play(seeds, name)
        if found is None:
            missed.append(name)
        print(f"{name} ({FAULTS[name][0]}), {time.monotonic() - began:.0f} s: {found or 'NOT FOUND'}", flush=True)
    print(f"{len(names) - len(missed)} of {len(names)} faults were found")
    if missed:
        fail(1, f"not found: {', '.join(missed)}")


if __name__ == "__main__":
    main()
