import DataPlane
import Testing

@Suite struct BackoffTests {
    @Test func doublesUpToItsLimit() {
        var backoff = Backoff(shortest: .milliseconds(50), longest: .seconds(1))
        var random = SystemRandomNumberGenerator()
        for nominal in [50, 100, 200, 400, 800, 1_000, 1_000] {
            let pause = backoff.failed(using: &random)
            #expect(pause >= .milliseconds(nominal * 8 / 10) && pause <= .milliseconds(nominal * 12 / 10))
        }
        for _ in 0..<100 { #expect(backoff.failed(using: &random) <= .milliseconds(1_200)) }
    }

    @Test func startsOverAfterASuccess() {
        var backoff = Backoff(shortest: .milliseconds(50), longest: .seconds(1))
        var random = SystemRandomNumberGenerator()
        for _ in 0..<9 { _ = backoff.failed(using: &random) }
        backoff.succeeded()
        let pause = backoff.failed(using: &random)
        #expect(pause <= .milliseconds(60))
    }
}
