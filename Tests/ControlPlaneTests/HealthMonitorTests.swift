import ControlPlane
import DataPlane
import Ground
import HealthCheck
import Logging
import TestSupport
import Testing

@Suite struct HealthMonitorTests {
    private typealias Outcome = HealthCheckResult.Outcome
    private static let down = Outcome.connectFailed(reason: "connection refused")

    private let traffic = FakeTraffic()
    private let failover = FailoverWatch(
        active: .blue, isEnabled: true, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    private let clock = StepClock()

    private func monitor(
        blue: [UInt16] = [1], green: [UInt16] = [2], checks: [HealthCheck] = [.grpc(service: "")],
        checker: FakeChecker, clock: (any Clock<Duration>)? = nil, timeout: Duration = .seconds(1),
        jitter: @escaping @Sendable () -> Double = { 0.5 }
    ) -> HealthMonitor {
        HealthMonitor(
            configuration: configuration(blue: blue, green: green, checks: checks, timeout: timeout), checker: checker,
            traffic: traffic, failover: failover,
            clock: clock ?? self.clock, jitter: jitter, now: { Timestamp(milliseconds: 7000) },
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    private func configuration(
        blue: [UInt16] = [1], green: [UInt16] = [2], checks: [HealthCheck] = [.grpc(service: "")],
        timeout: Duration = .seconds(1), rise: Int = 2, fall: Int = 3
    ) -> HealthMonitor.Configuration {
        HealthMonitor.Configuration(
            endpoints: PerColor(
                blue: blue.map { Endpoint(host: "127.0.0.1", port: $0) },
                green: green.map { Endpoint(host: "127.0.0.1", port: $0) }),
            checks: checks, interval: .seconds(10), timeout: timeout, rise: rise, fall: fall)
    }

    /// Runs a monitor while `look` runs.
    private func running(_ monitor: HealthMonitor, _ look: () async throws -> Void) async throws {
        let task = Task { try await monitor.run() }
        defer { task.cancel() }
        try await look()
    }

    private func states(_ monitor: HealthMonitor, _ color: Color) async -> [HealthState] {
        await monitor.health()[color].endpoints.map(\.state)
    }

    @Test func reportsHealthToTheFailoverWatch() async throws {
        let checker = FakeChecker([1: ["grpc": [Self.down]], 2: ["grpc": [.healthy]]])
        try await running(monitor(checker: checker)) {
            #expect(await eventually { failover.current?.to == .green })
            checker.go(on: 1, "grpc", [.healthy, .healthy])
            #expect(await eventually { failover.current == nil })
        }
    }

    @Test func takesOtherChecksWhileItRuns() async throws {
        let checker = FakeChecker([1: ["grpc": [.healthy]], 2: ["grpc": [.healthy]]])
        let monitor = monitor(checker: checker)
        try await running(monitor) {
            #expect(await eventually { await self.states(monitor, .blue) == [.healthy] })
            #expect(await eventually { await self.states(monitor, .green) == [.healthy] })
            // The grpc checks hang. The new checks don't wait for them.
            checker.go(on: 1, "tcp", [Self.down])
            await monitor.set(configuration(checks: [.tcp], timeout: .seconds(3), fall: 1))
            #expect(await eventually { await self.states(monitor, .blue) == [.unhealthy] })
            #expect(checker.timeouts == [.seconds(1), .seconds(3)])
            #expect(await states(monitor, .green) == [.healthy])
            #expect(await monitor.health().blue.endpoints[0].lastFailure?.reason == "tcp: connection refused")
        }
    }

    @Test func checksCanBeTurnedOffAndOnAgain() async throws {
        let checker = FakeChecker([1: ["grpc": [Self.down]], 2: ["grpc": [Self.down]]])
        let monitor = monitor(checker: checker)
        try await running(monitor) {
            #expect(await eventually { await self.states(monitor, .blue) == [.unhealthy] })
            await monitor.set(configuration(checks: []))
            #expect(await states(monitor, .blue) == [.healthy])
            #expect(traffic.published.last == PerColor(blue: [true], green: [true]))
            // One result more than needed: a check that is being abandoned may still take one.
            checker.go(on: 1, "grpc", [Self.down, Self.down])
            await monitor.set(configuration())
            // The first result decides, as at the start.
            #expect(await eventually { await self.states(monitor, .blue) == [.unhealthy] })
        }
    }

    @Test func theFirstResultsDecide() async throws {
        let checker = FakeChecker([1: ["grpc": [.healthy]], 2: ["grpc": [Self.down]]])
        let monitor = monitor(checker: checker)
        #expect(await states(monitor, .blue) == [.unknown])
        try await running(monitor) {
            #expect(await eventually { await states(monitor, .blue) == [.healthy] })
            #expect(await eventually { await states(monitor, .green) == [.unhealthy] })
            let blue = await monitor.health().blue.endpoints[0]
            #expect(blue.lastCheck == Timestamp(milliseconds: 7000))
            #expect(blue.latency == .milliseconds(1))
            #expect(blue.lastFailure == nil)
            let green = await monitor.health().green.endpoints[0]
            #expect(green.lastFailure?.reason == "grpc: connection refused")
            #expect(checker.timeouts == [.seconds(1)])
        }
    }

    @Test func publishesEveryChangeAndNothingElse() async throws {
        let checker = FakeChecker([
            1: ["grpc": [.healthy, Self.down, .healthy, Self.down, Self.down, Self.down, .healthy, .healthy]]
        ])
        let monitor = monitor(blue: [1, 9], checker: checker)
        try await running(monitor) {
            // Eight rounds are over, and the ninth has begun.
            #expect(await eventually { checker.calls(1) == 9 })
            #expect(
                traffic.published.map(\.blue) == [[true, true], [true, true], [false, true], [true, true]])
            #expect(traffic.published.allSatisfy { $0.green == [true] })
            let health = await monitor.health().blue.endpoints[0]
            #expect(health.passes == 4)
            #expect(health.failures == 4)
            #expect(health.consecutivePasses == 2)
            // The last failure is still shown after the recovery.
            #expect(health.lastFailure?.reason == "grpc: connection refused")
        }
    }

    @Test func aSlowEndpointDelaysNoOther() async throws {
        // Port 2 never answers.
        let checker = FakeChecker([1: ["grpc": Array(repeating: .healthy, count: 20)]])
        let monitor = monitor(checker: checker)
        try await running(monitor) {
            #expect(await eventually { checker.calls(1) == 21 })
            #expect(await states(monitor, .green) == [.unknown])
            #expect(await monitor.health().green.routable == [true])
        }
    }

    @Test func allChecksMustPass() async throws {
        let checker = FakeChecker([
            1: ["grpc": [.healthy], "http:/health": [.unhealthy(reason: "status 503")], "tcp": [.healthy]],
            2: [
                "grpc": [.requestFailed(reason: "timed out")], "http:/health": [.unhealthy(reason: "status 500")],
                "tcp": [.healthy],
            ],
        ])
        let monitor = monitor(checks: [.grpc(service: ""), .http(path: "/health"), .tcp], checker: checker)
        try await running(monitor) {
            #expect(await eventually { await states(monitor, .blue) == [.unhealthy] })
            #expect(await eventually { await states(monitor, .green) == [.unhealthy] })
            #expect(await monitor.health().blue.endpoints[0].lastFailure?.reason == "http:/health: status 503")
            #expect(
                await monitor.health().green.endpoints[0].lastFailure?.reason
                    == "grpc: timed out; http:/health: status 500")
        }
    }

    @Test(arguments: [(0.0, 9), (0.5, 10), (1.0, 11)])
    func checksAtTheIntervalWithJitter(jitter: Double, seconds: Int) async throws {
        let checker = FakeChecker([1: ["grpc": [.healthy, .healthy]]])
        let monitor = monitor(green: [], checker: checker, jitter: { jitter })
        try await running(monitor) {
            #expect(await eventually { checker.calls(1) == 3 })
            for sleep in clock.sleeps { #expect(abs(sleep.components.seconds - Int64(seconds)) <= 1) }
            #expect(clock.sleeps.count == 2)
        }
    }

    @Test func withoutChecksEverythingIsHealthy() async throws {
        let checker = FakeChecker([:])
        let monitor = monitor(checks: [], checker: checker)
        #expect(await states(monitor, .blue) == [.healthy])
        #expect(await monitor.settledHealth(of: .green).green.isHealthy)
        try await running(monitor) {
            #expect(await eventually { traffic.published.count == 1 })
            #expect(checker.calls(1) == 0)
        }
    }

    @Test func waitsForFirstResults() async throws {
        let checker = FakeChecker([:])
        let monitor = monitor(green: [2, 3], checker: checker, clock: ContinuousClock(), timeout: .seconds(60))
        try await running(monitor) {
            let waiting = Task { await monitor.settledHealth(of: .green).green.endpoints.map(\.state) }
            #expect(await eventually { checker.calls(2) == 1 && checker.calls(3) == 1 })
            checker.go(on: 2, "grpc", [Self.down])
            #expect(await eventually { await states(monitor, .green) == [.unhealthy, .unknown] })
            checker.go(on: 3, "grpc", [.healthy])
            #expect(await waiting.value == [.unhealthy, .healthy])
            // Green's health is known by now, so this returns at once.
            #expect(await monitor.settledHealth(of: .green).green.isHealthy)
        }
    }

    @Test func doesNotWaitForEver() async throws {
        let monitor = monitor(checker: FakeChecker([:]), timeout: .seconds(3))
        #expect(await monitor.settledHealth(of: .green).green.state == .unknown)
        #expect(clock.now.offset >= .seconds(3))
        #expect(clock.now.offset < .seconds(4))
    }

    @Test func endsWithItsTask() async throws {
        let monitor = monitor(checker: FakeChecker([:]))
        let task = Task { try await monitor.run() }
        #expect(await eventually { traffic.published.count == 1 })
        task.cancel()
        try await task.value
        #expect(await states(monitor, .blue) == [.unknown])
    }

    // MARK: Watches

    private func watching(_ checker: FakeChecker, checks: [HealthCheck] = [.grpcWatch(service: "")]) -> HealthMonitor {
        monitor(blue: [1], green: [], checks: checks, checker: checker)
    }

    /// Waits until the first round has made blue healthy; returns its watch.
    private func healthyWatch(_ monitor: HealthMonitor, _ checker: FakeChecker) async throws -> FakeWatch {
        #expect(await eventually { await states(monitor, .blue) == [.healthy] })
        return try #require(checker.watches(1).last)
    }

    @Test func aWatchsWordCountsAtOnce() async throws {
        // The second round hangs, so nothing but the watch's word can change the state.
        let checker = FakeChecker([1: ["grpc-watch": [.healthy]]])
        let monitor = watching(checker)
        try await running(monitor) {
            let watch = try await healthyWatch(monitor, checker)
            watch.say(.bad(reason: "NOT_SERVING"))
            #expect(await eventually { await states(monitor, .blue) == [.unhealthy] })
            #expect(traffic.published.map(\.blue) == [[true], [true], [false]])
            let health = await monitor.health().blue.endpoints[0]
            #expect(health.lastFailure?.reason == "grpc-watch: NOT_SERVING")
            #expect((health.consecutivePasses, health.consecutiveFailures) == (0, 1))
            #expect((health.passes, health.failures) == (1, 1))
        }
    }

    @Test func aGoodWordNeedsConfirmation() async throws {
        let checker = FakeChecker([1: ["grpc-watch": [.healthy]]])
        let monitor = watching(checker)
        try await running(monitor) {
            let watch = try await healthyWatch(monitor, checker)
            watch.say(.bad(reason: "NOT_SERVING"))
            #expect(await eventually { await states(monitor, .blue) == [.unhealthy] })
            watch.say(.good)
            checker.go(on: 1, "grpc-watch", [.healthy])
            #expect(await eventually { await monitor.health().blue.endpoints[0].consecutivePasses == 1 })
            #expect(await states(monitor, .blue) == [.unhealthy])
            checker.go(on: 1, "grpc-watch", [.healthy])
            #expect(await eventually { await states(monitor, .blue) == [.healthy] })
        }
    }

    /// A round whose questions were answered well before, or on another way, doesn't outvote the watch.
    @Test func noRoundPassesAgainstTheWatchsWord() async throws {
        let checker = FakeChecker([1: ["grpc-watch": [.healthy]]])
        let monitor = watching(checker)
        try await running(monitor) {
            let watch = try await healthyWatch(monitor, checker)
            watch.say(.bad(reason: "NOT_SERVING"))
            #expect(await eventually { await states(monitor, .blue) == [.unhealthy] })
            checker.go(on: 1, "grpc-watch", [.healthy, .healthy, .healthy])
            #expect(await eventually { await monitor.health().blue.endpoints[0].consecutiveFailures == 4 })
            #expect(await states(monitor, .blue) == [.unhealthy])
        }
    }

    @Test func aWatchIsOneCheckAmongOthers() async throws {
        let checker = FakeChecker([1: ["grpc-watch": [.healthy], "tcp": [.healthy]]])
        let monitor = watching(checker, checks: [.tcp, .grpcWatch(service: "")])
        try await running(monitor) {
            let watch = try await healthyWatch(monitor, checker)
            // Failures of questions are counted, the watch's own too.
            checker.go(on: 1, "tcp", [Self.down, .healthy, Self.down])
            checker.go(on: 1, "grpc-watch", [.healthy, Self.down, Self.down])
            #expect(await eventually { await states(monitor, .blue) == [.unhealthy] })
            let health = await monitor.health().blue.endpoints[0]
            #expect(health.consecutiveFailures == 3)
            #expect(
                health.lastFailure?.reason == "tcp: connection refused; grpc-watch: connection refused")
            watch.say(.bad(reason: "NOT_SERVING"))
            checker.go(on: 1, "tcp", [Self.down])
            checker.go(on: 1, "grpc-watch", [.healthy])
            #expect(
                await eventually {
                    await monitor.health().blue.endpoints[0].lastFailure?.reason
                        == "tcp: connection refused; grpc-watch: NOT_SERVING"
                })
        }
    }

    @Test func otherChecksEndTheWatchesAndBeginNewOnes() async throws {
        let checker = FakeChecker([1: ["grpc-watch": [.healthy]]])
        let monitor = watching(checker)
        try await running(monitor) {
            let old = try await healthyWatch(monitor, checker)
            #expect(!old.hasEnded)
            await monitor.set(configuration(blue: [1], green: [], checks: [.grpcWatch(service: "other")]))
            #expect(await eventually { old.hasEnded })
            try #require(await eventually { checker.watches(1).count == 2 })
            #expect(!checker.watches(1)[1].hasEnded)
            // What was known stays, and an old watch has no say any more.
            old.say(.bad(reason: "NOT_SERVING"))
            checker.go(on: 1, "grpc-watch:other", [.healthy])
            #expect(await eventually { await monitor.health().blue.endpoints[0].consecutivePasses == 2 })
            #expect(await states(monitor, .blue) == [.healthy])
            checker.watches(1)[1].say(.bad(reason: "gone"))
            #expect(await eventually { await states(monitor, .blue) == [.unhealthy] })
            #expect(await monitor.health().blue.endpoints[0].lastFailure?.reason == "grpc-watch:other: gone")
        }
        #expect(await eventually { checker.watches(1)[1].hasEnded })
    }

    @Test func healthThatWasHandedOverStaysUntilTheNewWatchSpeaks() async throws {
        let endpoint = Endpoint(host: "127.0.0.1", port: 1)
        var known = EndpointHealth(endpoint: endpoint, state: .healthy, since: Timestamp(milliseconds: 5))
        known.lastCheck = Timestamp(milliseconds: 6)
        let checker = FakeChecker([:])
        let monitor = HealthMonitor(
            configuration: configuration(blue: [1], green: [], checks: [.grpcWatch(service: "")]), checker: checker,
            traffic: traffic, failover: failover, known: [ColorHealth(color: .blue, endpoints: [known])], clock: clock,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        try await running(monitor) {
            try #require(await eventually { checker.watches(1).count == 1 })
            #expect(await monitor.health().blue.endpoints == [known])
            checker.watches(1)[0].say(.bad(reason: "NOT_SERVING"))
            #expect(await eventually { await states(monitor, .blue) == [.unhealthy] })
        }
    }
}
