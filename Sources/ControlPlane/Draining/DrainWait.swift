import DataPlane

/// Waits for the calls that a change left behind on the old color.
package struct DrainWait: Sendable {
    private let traffic: any TrafficControl
    private let clock: any Clock<Duration>

    /// - Parameter clock: what the wait is measured with.
    package init(traffic: any TrafficControl, clock: any Clock<Duration> = ContinuousClock()) {
        self.traffic = traffic
        self.clock = clock
    }

    /// Waits until no call that began before the change is left on the color it went away from.
    ///
    /// - Parameter timeout: how long at most; not longer than a day.
    /// - Returns: what is left: nothing, or something when the time was up, the task was cancelled or another process has
    ///   taken over, to which those before this one answer now.
    package func remaining(behind change: Change, timeout: Duration) async -> TrafficReport.Left {
        guard let old = change.from else { return TrafficReport.Left(calls: 0) }
        if timeout > .zero, await isDrained(old, before: change.epoch, within: timeout, clock) {
            return TrafficReport.Left(calls: 0)
        }
        return await traffic.report().left(on: old, before: change.epoch)
    }

    private func isDrained<C: Clock<Duration>>(
        _ color: Color, before epoch: UInt64, within timeout: Duration, _ clock: C
    ) async -> Bool {
        await traffic.waitUntilDrained(color, before: epoch, until: clock.now.advanced(by: timeout), clock)
    }
}
