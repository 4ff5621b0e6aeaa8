import ControlPlane
import Testing

@Suite struct HealthThresholdTests {
    /// The state after each result, `+` for a pass and `-` for a failure.
    private func states(_ results: String, rise: Int = 2, fall: Int = 3) -> String {
        var threshold = HealthThreshold(rise: rise, fall: fall)
        return String(
            results.map { result in
                let before = threshold.state
                let changed = threshold.record(passed: result == "+")
                #expect(changed == (before != threshold.state))
                return threshold.state == .healthy ? "H" : threshold.state == .unhealthy ? "U" : "?"
            })
    }

    @Test func theFirstResultDecides() {
        #expect(HealthThreshold(rise: 2, fall: 3).state == .unknown)
        #expect(states("+") == "H")
        #expect(states("-") == "U")
    }

    @Test func fallsAfterFailuresInARow() {
        #expect(states("+---") == "HHHU")
        #expect(states("+--+--+--+") == "HHHHHHHHHH")
        #expect(states("+-", fall: 1) == "HU")
    }

    @Test func risesAfterPassesInARow() {
        #expect(states("-++") == "UUH")
        #expect(states("-+-+-+-") == "UUUUUUU")
        #expect(states("-+", rise: 1) == "UH")
    }

    @Test func aFirstResultCountsTowardsTheNextChange() {
        // The first result makes it unhealthy; after that, two passes in a row count as anywhere.
        #expect(states("-++---") == "UUHHHU")
        #expect(states("+---++") == "HHHUUH")
    }

    @Test func countsInARow() {
        var threshold = HealthThreshold(rise: 2, fall: 3)
        for passed in [true, true, false] { _ = threshold.record(passed: passed) }
        #expect(threshold.consecutivePasses == 0)
        #expect(threshold.consecutiveFailures == 1)
    }

    @Test func countsGoOnWhenTheThresholdsChange() {
        var threshold = HealthThreshold(rise: 2, fall: 3)
        _ = threshold.record(passed: true)
        _ = threshold.record(passed: false)
        threshold.set(rise: 1, fall: 2)
        #expect(threshold.state == .healthy)
        let fell = threshold.record(passed: false)
        #expect(fell && threshold.state == .unhealthy)
        let rose = threshold.record(passed: true)
        #expect(rose && threshold.state == .healthy)
    }

    @Test(arguments: [HealthState.unknown, .healthy, .unhealthy])
    func aFailureThatNeedsNoConfirmation(from state: HealthState) {
        var threshold = HealthThreshold(rise: 2, fall: 3)
        threshold.take(state: state, consecutivePasses: 5, consecutiveFailures: 0)
        let changed = threshold.fail()
        #expect(changed == (state != .unhealthy))
        #expect(threshold.state == .unhealthy)
        #expect((threshold.consecutivePasses, threshold.consecutiveFailures) == (0, 1))
        let first = threshold.record(passed: true)
        let second = threshold.record(passed: true)
        #expect((first, second) == (false, true))
    }
}
