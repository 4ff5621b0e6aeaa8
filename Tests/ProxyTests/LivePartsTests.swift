import ControlPlane
import DataPlane
import Ground
import HealthCheck
import JSONLogging
import Logging
import Proxy
import Settings
import Testing

@Suite struct LivePartsTests {
    private let bench: LiveBench

    init() throws { bench = try LiveBench() }

    @Test func eachPartFollowsItsSetting() async throws {
        #expect(bench.parts.threshold.level == .info)
        #expect(await bench.parts.monitor.health().blue.state == .unknown)
        #expect(bench.failsOver == false)
        await bench.parts.follow(
            try settings([
                "log-level": "debug", "shutdown-grace": "7s", "restart-grace": "8s", "drain-timeout": "9s",
                "health-check": "none", "failover": "on",
            ]))
        #expect(bench.parts.threshold.level == .debug)
        #expect(bench.parts.leaving.grace.current == Leaving.Grace(shutdown: .seconds(7), restart: .seconds(8)))
        #expect(bench.drainTimeout == .seconds(9))
        #expect(await bench.parts.monitor.health().blue.state == .healthy, "without a check, all are healthy")
        #expect(bench.failsOver)
    }

    @Test func theHealthChecksHaveTheirPartOfTheSettings() throws {
        let configuration = HealthMonitor.Configuration(
            try settings([
                "blue": "b:1", "green": "g:2", "health-check": "tcp", "health-interval": "3s", "health-timeout": "4s",
                "health-rise": "5", "health-fall": "6",
            ]))
        let endpoints = PerColor(blue: [Endpoint(host: "b", port: 1)], green: [Endpoint(host: "g", port: 2)])
        #expect(
            configuration
                == HealthMonitor.Configuration(
                    endpoints: endpoints, checks: [.tcp], interval: .seconds(3), timeout: .seconds(4), rise: 5, fall: 6)
        )
    }
}
