import HealthCheck
import Testing

@Suite struct HealthCheckResultTests {
    @Test func keepsOnlyTheBeginningOfAReason() {
        // Swift counts the accented `x` as one character, however many bytes it has.
        for long in [String(repeating: "x", count: 16_384), "x" + String(repeating: "\u{301}", count: 100_000)] {
            for outcome in [
                HealthCheckResult.Outcome.connectFailed(reason: long), .requestFailed(reason: long),
                .unhealthy(reason: long),
            ] {
                switch HealthCheckResult(outcome: outcome, latency: .zero).outcome {
                case .connectFailed(let reason), .requestFailed(let reason), .unhealthy(let reason):
                    #expect(reason.unicodeScalars.count == HealthCheckResult.longestReason + 1)
                    #expect(reason.unicodeScalars.first == "x" && reason.unicodeScalars.last == "…")
                case .healthy: Issue.record("it was not healthy")
                }
            }
        }
        let short = HealthCheckResult.Outcome.unhealthy(reason: "NOT_SERVING")
        #expect(HealthCheckResult(outcome: short, latency: .zero).outcome == short)
    }
}
