import JSONText

/// The result of one health check.
package struct HealthCheckResult: Sendable, Equatable {
    /// The answer to a check, or the reason why there is none.
    package enum Outcome: Sendable, Equatable {
        case healthy
        /// The connection could not be made: refused, unreachable, unresolvable or too slow.
        case connectFailed(reason: String)
        /// Connected, but the question failed: a timeout, a protocol error or a gRPC error status.
        case requestFailed(reason: String)
        /// The upstream answered that it isn't healthy: `NOT_SERVING`, or an HTTP status that isn't 2xx.
        case unhealthy(reason: String)

        /// Why the check failed; `nil` if it passed.
        package var failure: String? {
            switch self {
            case .healthy: nil
            case .connectFailed(let reason), .requestFailed(let reason), .unhealthy(let reason): reason
            }
        }
    }

    /// The answer, or the reason why there is none.
    package private(set) var outcome: Outcome
    /// From the start of the check to its outcome.
    package var latency: Duration

    /// - Parameter outcome: only the beginning of its reason is kept, since an upstream may have written it.
    package init(outcome: Outcome, latency: Duration) {
        self.outcome =
            switch outcome {
            case .healthy: .healthy
            case .connectFailed(let reason): .connectFailed(reason: shortened(reason, to: Self.longestReason))
            case .requestFailed(let reason): .requestFailed(reason: shortened(reason, to: Self.longestReason))
            case .unhealthy(let reason): .unhealthy(reason: shortened(reason, to: Self.longestReason))
            }
        self.latency = latency
    }

    /// The most Unicode characters kept of a reason. Reasons appear in `/status`, logs and refusals, and are passed on
    /// to the next process, for every endpoint.
    package static let longestReason = 512
}
