import DataPlane
import ServiceLifecycle

/// Looks at the release under way, a few times a second, as long as there is one.
package struct ReleaseDriver: Service {
    private let switchboard: Switchboard
    private let traffic: any TrafficControl
    private let health: any HealthReporting
    private let clock: any Clock<Duration>

    /// The time between two looks: a step lasts so much longer at most than it was planned to.
    private static let pause = Duration.milliseconds(100)

    package init(
        switchboard: Switchboard, traffic: any TrafficControl, health: any HealthReporting,
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.switchboard = switchboard
        self.traffic = traffic
        self.health = health
        self.clock = clock
    }

    /// Runs until the process ends, or the task is cancelled.
    package func run() async {
        for await _ in switchboard.releases.turns.cancelOnGracefulShutdown() {
            // Nobody's judgement waits for what a server says of its messages.
            Task { [switchboard] in await switchboard.prepareAgain() }
            while await look(), await sleep() {}
        }
    }

    /// - Returns: whether a release is still under way.
    private func look() async -> Bool {
        let past = switchboard.needsPast ? await traffic.servedBefore() : nil
        return await switchboard.lookAtRelease(
            await traffic.ownReport(), await health.health(), await traffic.stepStatistics(), past: past)
    }

    /// - Returns: whether there is time for another look.
    private func sleep() async -> Bool {
        do {
            try await clock.sleep(for: Self.pause)
            return !Task.isShuttingDownGracefully
        } catch {
            return false
        }
    }
}
