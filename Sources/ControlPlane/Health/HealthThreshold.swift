/// Turns single check results into a state that does not flap.
///
/// The first result decides at once. From then on an unhealthy endpoint needs `rise` passes in a row to become healthy,
/// and a healthy one `fall` failures in a row to become unhealthy; a result of the other kind starts the count again.
package struct HealthThreshold: Sendable, Equatable {
    package private(set) var rise: Int
    package private(set) var fall: Int
    package private(set) var state = HealthState.unknown
    /// Results in a row of the newest kind; one of the two is 0.
    package private(set) var consecutivePasses = 0
    package private(set) var consecutiveFailures = 0

    /// - Parameters:
    ///   - rise: passes in a row that make an unhealthy endpoint healthy, at least 1.
    ///   - fall: failures in a row that make a healthy endpoint unhealthy, at least 1.
    package init(rise: Int, fall: Int) {
        precondition(rise >= 1 && fall >= 1)
        self.rise = rise
        self.fall = fall
    }

    /// Goes on from what another threshold has come to.
    package mutating func take(state: HealthState, consecutivePasses: Int, consecutiveFailures: Int) {
        self.state = state
        self.consecutivePasses = consecutivePasses
        self.consecutiveFailures = consecutiveFailures
    }

    /// Counts against other numbers from the next result on, with the same limits as in `init`.
    package mutating func set(rise: Int, fall: Int) {
        precondition(rise >= 1 && fall >= 1)
        self.rise = rise
        self.fall = fall
    }

    /// Takes a result.
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
