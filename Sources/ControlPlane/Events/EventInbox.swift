import Synchronization

/// Where events are left by whoever has something to tell: that never waits, neither for a receiver nor for a disk. Any
/// thread may use it.
package final class EventInbox: Sendable {
    private struct State {
        var drafts: [EventDraft] = []
        /// Events that were left while there was no room.
        var lost = 0
        var isClosed = false
    }

    /// One element after events were left.
    let turns: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    private let state = Mutex(State())
    private let limit: Int

    /// - Parameter limit: how many events may lie here; further ones are counted and lost.
    package init(limit: Int) {
        self.limit = limit
        (turns, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Leaves an event; without effect if another process tells the events.
    package func leave(_ draft: EventDraft) {
        guard draft.content.type != nil else { return }
        state.withLock { state in
            guard !state.isClosed else { return }
            if state.drafts.count < limit { state.drafts.append(draft) } else { state.lost += 1 }
        }
        wake.yield()
    }

    /// Takes out what lies here.
    ///
    /// - Returns: the events in order, and how many were lost after them.
    func take() -> (drafts: [EventDraft], lost: Int) {
        state.withLock { state in
            defer { (state.drafts, state.lost) = ([], 0) }
            return (state.drafts, state.lost)
        }
    }

    /// Takes no more events, as another process tells them from now on.
    func close() { state.withLock { $0.isClosed = true } }

    /// Takes events again.
    func open() { state.withLock { $0.isClosed = false } }
}
