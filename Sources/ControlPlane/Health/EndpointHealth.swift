import DataPlane
import Ground

/// What the checks say of an endpoint or a color.
package enum HealthState: String, Sendable, Equatable, Codable {
    /// Not checked yet: it may be given traffic, but a color of such endpoints alone is not one to switch to.
    case unknown
    case healthy
    case unhealthy
}

/// A check that did not pass.
package struct HealthFailure: Sendable, Equatable, Codable {
    /// Which check and why: `grpc: connection refused`.
    package var reason: String
    package var at: Timestamp

    package init(reason: String, at: Timestamp) {
        self.reason = reason
        self.at = at
    }
}

/// What is known of one endpoint's health.
package struct EndpointHealth: Sendable, Equatable, Codable {
    package var endpoint: Endpoint
    package var state: HealthState
    /// Since when it has been in this state.
    package var since: Timestamp
    /// When the last round of checks ended; `nil` before the first, and always where no check is configured.
    package var lastCheck: Timestamp?
    /// How long the slowest check of the last round took.
    package var latency: Duration?
    /// The newest failure, kept after a recovery.
    package var lastFailure: HealthFailure?
    /// Rounds in a row that passed, and that failed: one of the two is 0.
    package var consecutivePasses = 0
    package var consecutiveFailures = 0
    /// Rounds since the process started.
    package var passes = 0
    package var failures = 0

    package init(endpoint: Endpoint, state: HealthState, since: Timestamp) {
        self.endpoint = endpoint
        self.state = state
        self.since = since
    }
}

/// The health of a color: what its endpoints say together.
package struct ColorHealth: Sendable, Equatable, Codable {
    package var color: Color
    /// In the order of the settings.
    package var endpoints: [EndpointHealth]

    package init(color: Color, endpoints: [EndpointHealth]) {
        self.color = color
        self.endpoints = endpoints
    }

    /// At least one endpoint has been checked and found healthy.
    package var isHealthy: Bool {
        endpoints.contains { $0.state == .healthy }
    }

    /// Enough is known to judge: one endpoint is healthy, or none is unknown any more.
    package var isSettled: Bool {
        isHealthy || !endpoints.contains { $0.state == .unknown }
    }

    package var state: HealthState {
        isHealthy ? .healthy : isSettled ? .unhealthy : .unknown
    }

    /// Which endpoints may be given traffic: all but those found unhealthy.
    package var routable: [Bool] {
        endpoints.map { $0.state != .unhealthy }
    }
}
