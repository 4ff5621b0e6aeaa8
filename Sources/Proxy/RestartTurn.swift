import Synchronization

/// Lets one new process at a time take over, whether a signal has asked for it or the process itself. Any thread may use
/// it.
package final class RestartTurn: Sendable {
    /// Why no other new process may take over. The description is one sentence.
    package enum Busy: Error, CustomStringConvertible {
        case restarting
        case takenOver

        package var description: String {
            switch self {
            case .restarting: "another restart is under way"
            case .takenOver: "another process has taken over already"
            }
        }
    }

    private let busy = Mutex<Busy?>(nil)

    package init() {}

    /// Takes the turn, until `end`.
    package func begin() throws(Busy) {
        let before = busy.withLock { busy in
            defer { busy = busy ?? .restarting }
            return busy
        }
        if let before { throw before }
    }

    /// Gives the turn back.
    ///
    /// - Parameter hasTakenOver: whether the new process has taken over: then there is no further turn.
    package func end(hasTakenOver: Bool) { busy.withLock { $0 = hasTakenOver ? .takenOver : nil } }
}
