/// Turns individual check results into a state that doesn't flap.
///
/// The first result decides at once. After that an unhealthy endpoint needs `rise` consecutive passes to become
/// healthy, and a healthy one `fall` consecutive failures to become unhealthy; a result of the other kind restarts the
/// count.
package struct HealthThreshold: Sendable, Equatable {
    /// Consecutive passes that make an unhealthy endpoint healthy.
    package private(set) var rise: Int
    /// Consecutive failures that make a healthy endpoint unhealthy.
    package private(set) var fall: Int
    /// The state after the latest result.
    package private(set) var state = HealthState.unknown
    /// Passes in a row; 0 after a failure.
    package private(set) var consecutivePasses = 0
    /// Failures in a row; 0 after a pass.
    package private(set) var consecutiveFailures = 0

    /// - Parameters:
    ///   - rise: consecutive passes that make an unhealthy endpoint healthy, at least 1.
    ///   - fall: consecutive failures that make a healthy endpoint unhealthy, at least 1.
    package init(rise: Int, fall: Int) {
        precondition(rise >= 1 && fall >= 1)
        self.rise = rise
        self.fall = fall
    }

    /// Continues from the state and the counts of another threshold.
    package mutating func take(state: HealthState, consecutivePasses: Int, consecutiveFailures: Int) {
        self.state = state
        self.consecutivePasses = consecutivePasses
        self.consecutiveFailures = consecutiveFailures
    }

    /// Sets both thresholds from the next result on, with the same limits as in `init`.
    package mutating func set(rise: Int, fall: Int) {
        precondition(rise >= 1 && fall >= 1)
        self.rise = rise
        self.fall = fall
    }

    /// Records a failure that needs no confirmation: an endpoint that isn't unhealthy becomes that at once.
    ///
    /// - Returns: whether it changed the state.
    package mutating func fail() -> Bool {
        consecutivePasses = 0
        consecutiveFailures += 1
        defer { state = .unhealthy }
        return state != .unhealthy
    }

    /// Records a result.
    ///
    /// - Returns: whether it changed the state.
    package mutating func record(passed: Bool) -> Bool {
        consecutivePasses = passed ? consecutivePasses + 1 : 0
        consecutiveFailures = passed ? 0 : consecutiveFailures + 1
        let before = state
        switch state {
        case .unknown: state = passed ? .healthy : .unhealthy
        case .unhealthy where consecutivePasses >= rise: state = .healthy
        case .healthy where consecutiveFailures >= fall: state = .unhealthy
        case .healthy, .unhealthy: break
        }
        return state != before
    }
}
