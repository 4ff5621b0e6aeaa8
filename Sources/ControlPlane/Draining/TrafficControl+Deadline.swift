import DataPlane

extension TrafficControl {
    /// Waits until no call that began on a color before an epoch is left, for as long as there is time and as it can be known.
    ///
    /// - Returns: whether none is left; otherwise the time was up or the task cancelled first, or it can't be known any more.
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
