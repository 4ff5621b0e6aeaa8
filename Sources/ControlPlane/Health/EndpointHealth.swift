import DataPlane
import Ground

/// The health of an endpoint or a color, according to the checks.
package enum HealthState: String, Sendable, Equatable, Codable {
    /// Not checked yet: it may be given calls, but a color with only such endpoints can't be switched to without force.
    case unknown
    case healthy
    case unhealthy
}

/// A check that did not pass.
package struct HealthFailure: Sendable, Equatable, Codable {
    /// The check and its error: `grpc: connection refused`.
    package var reason: String
    /// When the check's round ended.
    package var at: Timestamp

    package init(reason: String, at: Timestamp) {
        self.reason = reason
        self.at = at
    }
}

/// What is known about one endpoint's health.
package struct EndpointHealth: Sendable, Equatable, Codable {
    /// The endpoint in question.
    package var endpoint: Endpoint
    /// Its state, after the thresholds.
    package var state: HealthState
    /// When it entered this state.
    package var since: Timestamp
    /// When the last round of checks ended, or a watch last spoke against the endpoint; `nil` before the first, and
    /// always `nil` if no check is configured.
    package var lastCheck: Timestamp?
    /// The duration of the slowest check in the last round.
    package var latency: Duration?
    /// The newest failure, kept after a recovery.
    package var lastFailure: HealthFailure?
    /// Rounds that passed, in a row; 0 after a failure.
    package var consecutivePasses = 0
    /// Rounds that failed, and what a watch said against the endpoint, in a row; 0 after a pass.
    package var consecutiveFailures = 0
    /// Rounds that passed since the process started.
    package var passes = 0
    /// Rounds that failed, and what a watch said against the endpoint, since the process started.
    package var failures = 0

    package init(endpoint: Endpoint, state: HealthState, since: Timestamp) {
        self.endpoint = endpoint
        self.state = state
        self.since = since
    }
}

/// The health of a color, derived from its endpoints.
package struct ColorHealth: Sendable, Equatable, Codable {
    /// The color in question.
    package var color: Color
    /// In the order of the settings.
    package var endpoints: [EndpointHealth]

    package init(color: Color, endpoints: [EndpointHealth]) {
        self.color = color
        self.endpoints = endpoints
    }

    /// Whether at least one endpoint has been checked and found healthy.
    package var isHealthy: Bool {
        endpoints.contains { $0.state == .healthy }
    }

    /// Whether enough is known to judge: one endpoint is healthy, or none is still unknown.
    package var isSettled: Bool {
        isHealthy || !endpoints.contains { $0.state == .unknown }
    }

    /// The color's state: that of its best endpoint.
    package var state: HealthState {
        isHealthy ? .healthy : isSettled ? .unhealthy : .unknown
    }

    /// Whether each endpoint may be given calls: all may but those found unhealthy.
    package var routable: [Bool] {
        endpoints.map { $0.state != .unhealthy }
    }
}
