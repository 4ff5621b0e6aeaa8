import JSONText

/// How a backend's health is asked.
package enum HealthCheck: Hashable, Sendable, CustomStringConvertible {
    /// `grpc.health.v1.Health/Check` for a service name; empty asks for the server as a whole.
    case grpc(service: String)
    /// `GET` of an absolute path over HTTP/1.1; any 2xx is healthy.
    case http(path: String)
    /// A TCP connection can be made.
    case tcp

    /// Reads `grpc`, `grpc:SERVICE`, `http:/PATH` or `tcp`; anything else gives `nil`.
    package init?(_ text: some StringProtocol) {
        if text == "grpc" {
            self = .grpc(service: "")
        } else if text == "tcp" {
            self = .tcp
        } else if text.hasPrefix("grpc:") {
            self = .grpc(service: String(text.dropFirst("grpc:".count)))
        } else if text.hasPrefix("http:/") {
            self = .http(path: String(text.dropFirst("http:".count)))
        } else {
            return nil
        }
    }

    package var description: String {
        switch self {
        case .grpc(let service): service.isEmpty ? "grpc" : "grpc:\(service)"
        case .http(let path): "http:\(path)"
        case .tcp: "tcp"
        }
    }
}

/// What one health check found.
package struct HealthCheckResult: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        case healthy
        /// The connection could not be made: refused, unreachable, unresolvable or too slow.
        case connectFailed(reason: String)
        /// Connected, but the question failed: a timeout, a protocol error or a gRPC error status.
        case requestFailed(reason: String)
        /// The backend answered that it isn't healthy: `NOT_SERVING`, or an HTTP status that isn't 2xx.
        case unhealthy(reason: String)
    }

    package private(set) var outcome: Outcome
    /// From the start of the check to its outcome.
    package var latency: Duration

    /// - Parameter outcome: of a reason no more is kept than the beginning: a backend may have written it.
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

    /// In characters of Unicode. Reasons are in `/status`, logs and refusals, and go on to the next process, for every
    /// endpoint.
    package static let longestReason = 512

    package var isHealthy: Bool { outcome == .healthy }
}

/// Something that can ask a backend for its health. Tests give their own.
package protocol HealthChecking: Sendable {
    /// Asks once. It never throws: every failure is an outcome, and it ends within about `timeout`.
    func check(_ check: HealthCheck, host: String, port: UInt16, timeout: Duration) async -> HealthCheckResult
}
