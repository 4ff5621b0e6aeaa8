import DataPlane

/// Waits for the calls that a change left behind on the old color.
package struct DrainWait: Sendable {
    private let traffic: any TrafficControl
    private let clock: any Clock<Duration>
    private let interval: Duration

    /// - Parameters:
    ///   - clock: what the wait is measured with.
    ///   - interval: how long it sleeps between two looks.
    package init(
        traffic: any TrafficControl, clock: any Clock<Duration> = ContinuousClock(),
        interval: Duration = .milliseconds(50)
    ) {
        self.traffic = traffic
        self.clock = clock
        self.interval = interval
    }

    /// Waits until no call that began before the change is left on the color it went away from.
    ///
    /// - Parameter timeout: how long at most.
    /// - Returns: what is left: nothing, or something when the time was up or the task was cancelled.
    package func remaining(behind change: Change, timeout: Duration) async -> TrafficReport.Left {
        guard let old = change.from else { return TrafficReport.Left(calls: 0) }
        return await wait(on: old, before: change.epoch, timeout: timeout, clock)
    }

    private func wait<C: Clock<Duration>>(
        on color: Color, before epoch: UInt64, timeout: Duration, _ clock: C
    ) async -> TrafficReport.Left {
        let deadline = clock.now.advanced(by: timeout)
        while true {
            let remaining = await traffic.report().left(on: color, before: epoch)
            let left = clock.now.duration(to: deadline)
            guard !remaining.isNone, left > .zero else { return remaining }
            do {
                try await clock.sleep(for: min(interval, left))
            } catch {
                return remaining
            }
        }
    }
}
