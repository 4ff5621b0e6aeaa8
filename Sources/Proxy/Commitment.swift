import Synchronization

/// Whether a restart can still be broken off: by a signal that ends this process, until another one has taken over.
/// Any thread may use it.
package final class Commitment: Sendable {
    private enum State {
        case open
        case committed
        /// The new process has been killed, or whoever waits for its end is about to see to that.
        case abandoned
    }

    private let state = Mutex(State.open)

    package init() {}

    /// Ends the new process, unless it has taken over.
    ///
    /// - Parameter end: kills the new process. Called at most once, and never once its end is someone else's to see to:
    ///   its number may belong to another process by then.
    /// - Returns: whether it has not taken over.
    package func breakOff(by end: () -> Void) -> Bool {
        state.withLock { state in
            switch state {
            case .committed: return false
            case .abandoned: return true
            case .open:
                state = .abandoned
                end()
                return true
            }
        }
    }

    /// - Returns: whether the other process has taken over; if not, the restart was broken off before.
    package func commit() -> Bool {
        state.withLock { state in
            guard case .open = state else { return false }
            state = .committed
            return true
        }
    }

    /// The restart has failed: the new process is ended by whoever waits for its end, and by nobody else.
    package func abandon() { state.withLock { $0 = .abandoned } }
}
