import DataPlane

/// Waits for the calls that a change left behind on the old color.
package struct DrainWait: Sendable {
    private let traffic: any TrafficControl
    private let clock: any Clock<Duration>

    /// - Parameter clock: measures the wait.
    package init(traffic: any TrafficControl, clock: any Clock<Duration> = ContinuousClock()) {
        self.traffic = traffic
        self.clock = clock
    }

    /// Waits until no call that began before the change is left on the old color.
    ///
    /// - Parameter timeout: the longest wait, at most a day.
    /// - Returns: what is left: nothing if the color has drained; possibly something if the time was up, the task was
    ///   cancelled, or another process has taken over, to which earlier processes now report.
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
