import HealthCheck
import Testing

@Suite struct WatchBackoffTests {
    /// The rounds in which a watch is asked for that ends each time.
    private func attempts(in rounds: Int, _ backoff: inout WatchBackoff) -> [Int] {
        var found: [Int] = []
        for round in 0..<rounds {
            let isDue = backoff.isDue()
            guard isDue else { continue }
            found.append(round)
            backoff.ended()
        }
        return found
    }

    @Test func asksLessAndLessOften() {
        var backoff = WatchBackoff()
        #expect(attempts(in: 300, &backoff) == [0, 1, 3, 7, 15, 31, 63, 127, 191, 255])
    }

    @Test func asksAtOnceAgainWhenItWorked() {
        var backoff = WatchBackoff()
        _ = attempts(in: 8, &backoff)
        backoff.worked()
        backoff.ended()
        let isDue = backoff.isDue()
        #expect(isDue)
    }
}
