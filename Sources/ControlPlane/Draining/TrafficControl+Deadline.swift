import DataPlane

extension TrafficControl {
    /// Waits until no call is left that began on a color before an epoch, the time is up, or the answer can't be known.
    ///
    /// - Returns: whether no call is left; `false` if the time was up, the task was cancelled, or the answer can no
    ///   longer be known.
    package func waitUntilDrained<C: Clock<Duration>>(
        _ color: Color, before epoch: UInt64, until deadline: C.Instant, _ clock: C
    ) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.waitUntilDrained(color, before: epoch) }
            group.addTask {
                try? await clock.sleep(until: deadline, tolerance: nil)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }
}
