import DataPlane
import NIOPosix
import Synchronization

/// Saves states, at once for those who have to know that it is done, and later for those who can't wait for a disk.
///
/// Any thread may use it. Whatever a disk does, a newer state is never overwritten by an older one: each has a number, and
/// what is older than the file is left out.
package final class StateSaver: Sendable {
    package typealias Answer = @Sendable (Result<Void, any Error>) -> Void

    /// States that wait to be saved: the newest only.
    private struct Queue {
        var latest: (state: SwitchState, number: UInt64, answer: Answer)?
        var isRunning = false
        /// The number of the last state that was to be saved.
        var number: UInt64 = 0
    }

    package let store: StateStore
    private let queue = Mutex(Queue())
    /// The number of the state in the file; locked while the file is written.
    private let written = Mutex<UInt64>(0)

    package init(_ store: StateStore) {
        self.store = store
    }

    /// Saves a state, after a save that is under way. When this returns, the state is on disk; if it throws, the file holds
    /// an earlier one.
    package func save(_ state: SwitchState) throws {
        let number = queue.withLock { queue in
            queue.latest = nil
            queue.number += 1
            return queue.number
        }
        try write(state, number)
    }

    /// Has a state saved, and returns at once. A later state takes its place if it still waits.
    ///
    /// - Parameter answer: told what came of it, on any thread; not called for a state whose place another one took.
    package func saveLater(_ state: SwitchState, answer: @escaping Answer) {
        let mustStart = queue.withLock { queue in
            queue.number += 1
            queue.latest = (state, queue.number, answer)
            defer { queue.isRunning = true }
            return !queue.isRunning
        }
        guard mustStart else { return }
        NIOThreadPool.singleton.submit { [self] _ in saveWaiting() }
    }

    /// Saves nothing that waits any more, and returns once no save is under way: another process owns the file from now on.
    package func finish() {
        queue.withLock { $0.latest = nil }
        written.withLock { _ in }
    }

    private func saveWaiting() {
        while let next = takeWaiting() {
            next.answer(Result { try write(next.state, next.number) })
        }
    }

    private func takeWaiting() -> (state: SwitchState, number: UInt64, answer: Answer)? {
        queue.withLock { queue in
            defer { queue.latest = nil }
            if queue.latest == nil { queue.isRunning = false }
            return queue.latest
        }
    }

    private func write(_ state: SwitchState, _ number: UInt64) throws {
        try written.withLock { written in
            guard number > written else { return }
            try store.save(state)
            written = number
        }
    }
}
