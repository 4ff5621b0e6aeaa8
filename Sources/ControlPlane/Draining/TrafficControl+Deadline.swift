import DataPlane

extension TrafficControl {
    /// Waits until no call is left that began on a color before an epoch, the time is up, or the answer can't be known.
    ///
    /// - Returns: whether no call is left; `false` if the time was up, the task was cancelled, or the answer can no
    ///   longer be known.
    package func waitUntilDrained<C: Clock<Duration>>(
        _ color: Color, before epoch: UInt64, _ scope: CallScope, until deadline: C.Instant, _ clock: C
    ) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.waitUntilDrained(color, before: epoch, scope) }
            group.addTask {
                try? await clock.sleep(until: deadline, tolerance: nil)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    /// Waits until no call that began before a change is left on its old color.
    ///
    /// - Parameter timeout: the longest wait, at most a day.
    /// - Returns: what is left: nothing if the color has drained; possibly something if the time was up, the task was
    ///   cancelled, or another process has taken over, to which earlier processes now report.
    package func remaining(
        behind change: Change, timeout: Duration, _ clock: any Clock<Duration>
    ) async -> TrafficReport.Left {
        guard let old = change.from else { return TrafficReport.Left(calls: 0) }
        if timeout > .zero, await isDrained(old, before: change.epoch, .placed, within: timeout, clock) {
            return TrafficReport.Left(calls: 0)
        }
        return await report().left(on: old, before: change.epoch)
    }

    /// Waits until no call is left that began on a color before an epoch, or the time is up.
    ///
    /// - Returns: as `waitUntilDrained(_:before:_:until:_:)`.
    package func isDrained<C: Clock<Duration>>(
        _ color: Color, before epoch: UInt64, _ scope: CallScope, within timeout: Duration, _ clock: C
    ) async -> Bool {
        await waitUntilDrained(color, before: epoch, scope, until: clock.now.advanced(by: timeout), clock)
    }
}
