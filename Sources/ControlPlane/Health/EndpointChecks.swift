import DataPlane
import Ground
import HealthCheck

/// The checks of one endpoint: all are made in each round, and the watches among them also speak between rounds.
struct EndpointChecks: Sendable {
    /// The result of one round.
    struct Round: Sendable {
        /// The failures by the checks' numbers in the settings; empty if all checks passed.
        var failures: [Int: String] = [:]
        /// The duration of the slowest check.
        var latency = Duration.zero
    }

    private let endpoint: Endpoint
    private let checks: [HealthCheck]
    private let timeout: Duration
    private let checker: any HealthChecking
    /// By the checks' numbers.
    let watches: [Int: any HealthWatching]

    /// Begins the watches, which last until `end()`.
    init(of endpoint: Endpoint, _ configuration: HealthMonitor.Configuration, by checker: any HealthChecking) {
        self.endpoint = endpoint
        checks = configuration.checks
        timeout = configuration.timeout
        self.checker = checker
        var watches: [Int: any HealthWatching] = [:]
        for (number, check) in configuration.checks.enumerated() {
            guard case .grpcWatch(let service) = check else { continue }
            watches[number] = checker.watch(
                service: service, host: endpoint.host, port: endpoint.port, timeout: configuration.timeout)
        }
        self.watches = watches
    }

    func end() {
        for watch in watches.values { watch.end() }
    }

    /// Makes all checks at once.
    func round() async -> Round {
        await withTaskGroup(of: (Int, HealthCheckResult).self) { group in
            for (number, check) in checks.enumerated() {
                group.addTask { (number, await self.result(of: check, number)) }
            }
            var round = Round()
            for await (number, result) in group {
                round.latency = max(round.latency, result.latency)
                round.failures[number] = result.outcome.failure
            }
            return round
        }
    }

    private func result(of check: HealthCheck, _ number: Int) async -> HealthCheckResult {
        if let watch = watches[number] { return await watch.check() }
        return await checker.check(check, host: endpoint.host, port: endpoint.port, timeout: timeout)
    }

    /// Why a round has failed: by the answers to its questions, and by what the watches have said meanwhile; `nil` if
    /// all is well.
    func failure(of round: Round) -> String? {
        let failures = checks.indices.compactMap { number in
            (round.failures[number] ?? watches[number]?.word.reason).map { text(number, $0) }
        }
        return failures.isEmpty ? nil : failures.joined(separator: "; ")
    }

    /// A check and its error: `grpc: connection refused`.
    func text(_ number: Int, _ reason: String) -> String { "\(checks[number]): \(reason)" }
}
