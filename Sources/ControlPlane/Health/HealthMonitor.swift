import DataPlane
import Ground
import HealthCheck
import Logging
import ServiceLifecycle

/// Reports the health of the colors.
package protocol HealthReporting: Sendable {
    /// What is known now.
    func health() async -> PerColor<ColorHealth>

    /// What is known once the color's first results are in, or after about the check timeout if they aren't.
    func settledHealth(of color: Color) async -> PerColor<ColorHealth>
}

/// Continuously checks every endpoint of both colors, and tells the data plane which may be given calls.
///
/// Each endpoint is checked independently, so a slow one never delays another. A round runs all configured checks at
/// once, and passes if all of them pass. If no check is configured, every endpoint is healthy. A watch also speaks
/// between rounds: what it says against its endpoint counts at once.
package actor HealthMonitor: Service, HealthReporting {
    /// What to check, and how strictly.
    package struct Configuration: Sendable, Equatable {
        /// The endpoints of each color.
        package var endpoints: PerColor<[Endpoint]>
        /// The checks, which must all pass; with none, every endpoint is healthy.
        package var checks: [HealthCheck]
        /// From the start of one round to the start of the next, with a jitter of a tenth either way.
        package var interval: Duration
        /// For each check.
        package var timeout: Duration
        /// Consecutive passes that make an unhealthy endpoint healthy.
        package var rise: Int
        /// Consecutive failures that make a healthy endpoint unhealthy.
        package var fall: Int

        package init(
            endpoints: PerColor<[Endpoint]>, checks: [HealthCheck], interval: Duration, timeout: Duration, rise: Int,
            fall: Int
        ) {
            self.endpoints = endpoints
            self.checks = checks
            self.interval = interval
            self.timeout = timeout
            self.rise = rise
            self.fall = fall
        }
    }

    /// What is checked now.
    package private(set) var configuration: Configuration
    /// The number of the configuration: results found under an earlier one are discarded.
    private var generation = 0
    /// One element for each new configuration.
    private let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation
    private let checker: any HealthChecking
    private let traffic: any TrafficControl
    private let failover: FailoverWatch
    private let clock: any Clock<Duration>
    private let jitter: @Sendable () -> Double
    private let now: @Sendable () -> Timestamp
    private let logger: Logger
    private var current: PerColor<ColorHealth>
    private var thresholds: PerColor<[HealthThreshold]>

    /// - Parameters:
    ///   - traffic: told of every change, in order.
    ///   - failover: like `traffic`.
    ///   - known: another process's results, kept for every endpoint that still exists.
    ///   - clock: measures the interval.
    ///   - jitter: a random number from 0 up to 1 for each pause.
    ///   - now: the wall clock.
    package init(
        configuration: Configuration, checker: any HealthChecking, traffic: any TrafficControl, failover: FailoverWatch,
        known: [ColorHealth] = [], clock: any Clock<Duration> = ContinuousClock(),
        jitter: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
        now: @escaping @Sendable () -> Timestamp = { .now() }, logger: Logger
    ) {
        self.configuration = configuration
        self.checker = checker
        self.traffic = traffic
        self.failover = failover
        self.clock = clock
        self.jitter = jitter
        self.now = now
        self.logger = logger
        (changes, changed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let start = now()
        let state = configuration.checks.isEmpty ? HealthState.healthy : .unknown
        let current = PerColor { color in
            let known = configuration.checks.isEmpty ? [] : known.filter { $0.color == color }.flatMap(\.endpoints)
            let endpoints = configuration.endpoints[color].map { endpoint in
                known.first { $0.endpoint == endpoint }
                    ?? EndpointHealth(endpoint: endpoint, state: state, since: start)
            }
            return ColorHealth(color: color, endpoints: endpoints)
        }
        thresholds = PerColor { color in
            current[color].endpoints.map { endpoint in
                var threshold = HealthThreshold(rise: configuration.rise, fall: configuration.fall)
                guard endpoint.lastCheck != nil else { return threshold }
                threshold.take(
                    state: endpoint.state, consecutivePasses: endpoint.consecutivePasses,
                    consecutiveFailures: endpoint.consecutiveFailures)
                return threshold
            }
        }
        self.current = current
    }

    /// The health of both colors now.
    package func health() -> PerColor<ColorHealth> {
        current
    }

    /// The health of both colors, as soon as enough is known of `color`, and at the latest when its first round must
    /// have ended.
    package func settledHealth(of color: Color) async -> PerColor<ColorHealth> {
        await waitUntilSettled(color, clock)
        return current
    }

    /// Checks until the task is cancelled or the service group shuts down gracefully.
    package func run() async throws {
        publish()
        await cancelWhenGracefulShutdown {
            await self.checkEverything()
        }
    }

    /// Changes the configuration; a first round with it begins at once.
    ///
    /// What is known about the endpoints stays, but if no check is left all are healthy.
    ///
    /// - Precondition: the endpoints are the same.
    package func set(_ new: Configuration) {
        precondition(new.endpoints == configuration.endpoints, "the endpoints of a running monitor don't change")
        guard new != configuration else { return }
        configuration = new
        generation += 1
        for color in Color.allCases {
            for index in thresholds[color].indices {
                if new.checks.isEmpty {
                    thresholds[color][index] = HealthThreshold(rise: new.rise, fall: new.fall)
                    if current[color].endpoints[index].state != .healthy {
                        current[color].endpoints[index].state = .healthy
                        current[color].endpoints[index].since = now()
                    }
                } else {
                    thresholds[color][index].set(rise: new.rise, fall: new.fall)
                }
            }
        }
        if new.checks.isEmpty { publish() }
        changed.yield()
    }

    /// Checks under one configuration after the other.
    private func checkEverything() async {
        while !Task.isCancelled {
            let (configuration, generation) = (configuration, generation)
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.checkEverything(configuration, generation) }
                // Waits for the next configuration, or the end of the task.
                for await _ in changes { break }
                group.cancelAll()
            }
        }
    }

    private nonisolated func checkEverything(_ configuration: Configuration, _ generation: Int) async {
        guard !configuration.checks.isEmpty else { return }
        await withDiscardingTaskGroup { group in
            for color in Color.allCases {
                for index in configuration.endpoints[color].indices {
                    group.addTask {
                        await self.check(color, index, configuration, generation, repeatedlyBy: self.clock)
                    }
                }
            }
        }
    }

    private nonisolated func check<C: Clock<Duration>>(
        _ color: Color, _ index: Int, _ configuration: Configuration, _ generation: Int, repeatedlyBy clock: C
    ) async {
        let checks = EndpointChecks(of: configuration.endpoints[color][index], configuration, by: checker)
        defer { checks.end() }
        await withTaskGroup(of: Void.self) { group in
            for (number, watch) in checks.watches {
                group.addTask {
                    for await word in watch.words {
                        guard let reason = word.reason else { continue }
                        await self.record(verdict: checks.text(number, reason), color, index, generation)
                    }
                }
            }
            while !Task.isCancelled {
                let start = clock.now
                let round = await checks.round()
                // A cancelled check says nothing about the endpoint.
                if Task.isCancelled { break }
                await record(round, of: checks, color, index, generation)
                let pause = configuration.interval * (0.9 + 0.2 * jitter())
                // If a round took longer than the interval, the next one follows at once.
                try? await clock.sleep(until: start.advanced(by: pause), tolerance: nil)
            }
        }
    }

    /// Records a round's result.
    private func record(
        _ round: EndpointChecks.Round, of checks: EndpointChecks, _ color: Color, _ index: Int, _ generation: Int
    ) {
        guard generation == self.generation else { return }
        let failure = checks.failure(of: round)
        let changed = thresholds[color][index].record(passed: failure == nil)
        current[color].endpoints[index].latency = round.latency
        record(failure: failure, changed, color, index)
    }

    /// Records what a watch has said against its endpoint, between rounds. It needs no confirmation by further rounds:
    /// it is the server's own word, or its end, and neither is an answer that only came late or got lost.
    private func record(verdict: String, _ color: Color, _ index: Int, _ generation: Int) {
        guard generation == self.generation else { return }
        record(failure: verdict, thresholds[color][index].fail(), color, index)
    }

    /// Records a result that the threshold has taken in, and publishes it if it changes the state, in one step, so that
    /// the last state published is the current one.
    private func record(failure: String?, _ changed: Bool, _ color: Color, _ index: Int) {
        let threshold = thresholds[color][index]
        let time = now()
        var health = current[color].endpoints[index]
        health.lastCheck = time
        health.consecutivePasses = threshold.consecutivePasses
        health.consecutiveFailures = threshold.consecutiveFailures
        if let failure {
            health.failures += 1
            health.lastFailure = HealthFailure(reason: failure, at: time)
        } else {
            health.passes += 1
        }
        if changed {
            health.state = threshold.state
            health.since = time
        }
        current[color].endpoints[index] = health
        guard changed else { return }
        publish()
        report(health, color)
    }

    private func publish() {
        let routable = PerColor { current[$0].routable }
        traffic.publish(health: routable)
        failover.changed(routable: routable)
    }

    private func report(_ health: EndpointHealth, _ color: Color) {
        let place: Logger.Metadata = ["color": "\(color)", "endpoint": "\(health.endpoint)"]
        if health.state == .healthy {
            logger.info("endpoint is healthy", metadata: place)
        } else {
            let reason: Logger.Metadata = ["cause": "\(health.lastFailure?.reason ?? "")"]
            logger.warning("endpoint is not healthy", metadata: place.merging(reason) { $1 })
        }
    }

    private func waitUntilSettled<C: Clock<Duration>>(_ color: Color, _ clock: C) async {
        // A check ends within its timeout, but there is a short delay before and after it.
        let deadline = clock.now.advanced(by: configuration.timeout + .milliseconds(100))
        while !current[color].isSettled, clock.now < deadline {
            do {
                try await clock.sleep(for: .milliseconds(5))
            } catch {
                return
            }
        }
    }
}
