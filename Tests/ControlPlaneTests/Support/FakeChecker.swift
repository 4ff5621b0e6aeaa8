import DataPlane
import HealthCheck
import Synchronization

/// Answers health checks from a script per port and check, and hangs when a script has no more outcomes.
final class FakeChecker: HealthChecking {
    typealias Outcome = HealthCheckResult.Outcome

    private struct State {
        var scripts: [UInt16: [String: [Outcome]]] = [:]
        var calls: [UInt16: Int] = [:]
        var timeouts: Set<Duration> = []
        var watches: [UInt16: [FakeWatch]] = [:]
    }

    private let state = Mutex(State())

    /// - Parameter scripts: outcomes in order, by port and by the check's name.
    init(_ scripts: [UInt16: [String: [Outcome]]]) {
        state.withLock { $0.scripts = scripts }
    }

    /// Number of checks of a port that were asked for.
    func calls(_ port: UInt16) -> Int { state.withLock { $0.calls[port, default: 0] } }
    var timeouts: Set<Duration> { state.withLock { $0.timeouts } }

    func go(on port: UInt16, _ check: String, _ outcomes: [Outcome]) {
        state.withLock { $0.scripts[port, default: [:]][check, default: []] += outcomes }
    }

    /// The watches of a port, in the order in which they began.
    func watches(_ port: UInt16) -> [FakeWatch] { state.withLock { $0.watches[port, default: []] } }

    func watch(service: String, host: String, port: UInt16, timeout: Duration) -> any HealthWatching {
        let watch = FakeWatch { [self] in
            await check(.grpcWatch(service: service), host: host, port: port, timeout: timeout)
        }
        state.withLock { $0.watches[port, default: []].append(watch) }
        return watch
    }

    func check(
        _ check: HealthCheck, host: String, port: UInt16, timeout: Duration
    ) async -> HealthCheckResult {
        state.withLock { state in
            state.calls[port, default: 0] += 1
            state.timeouts.insert(timeout)
        }
        while !Task.isCancelled {
            let outcome = state.withLock { state -> Outcome? in
                guard let next = state.scripts[port]?[check.description]?.first else { return nil }
                state.scripts[port]?[check.description]?.removeFirst()
                return next
            }
            if let outcome { return HealthCheckResult(outcome: outcome, latency: .milliseconds(Int(port))) }
            try? await Task.sleep(for: .milliseconds(1))
        }
        return HealthCheckResult(outcome: .requestFailed(reason: "cancelled"), latency: .zero)
    }
}
