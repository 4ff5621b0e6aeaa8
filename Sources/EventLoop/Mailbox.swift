import CLinux
import Ground
import Synchronization

/// The only way into an event loop from another thread: work posted here runs on the loop's thread, in order.
package final class Mailbox: Sendable {
    private struct State {
        var work: [@Sendable () -> Void] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    let wakeup: FileDescriptor

    init() throws(SystemError) {
        wakeup = try FileDescriptor(clinux_eventfd(), "eventfd")
    }

    /// Hands work to the loop's thread and wakes it. Any thread may call it.
    ///
    /// - Returns: `false` if the loop has ended, so that the work will never run.
    @discardableResult
    package func post(_ work: @escaping @Sendable () -> Void) -> Bool {
        let (accepted, mustWake) = state.withLock { state -> (Bool, Bool) in
            guard !state.isClosed else { return (false, false) }
            state.work.append(work)
            return (true, state.work.count == 1)
        }
        if mustWake { clinux_eventfd_signal(wakeup.number) }
        return accepted
    }

    /// Takes out all posted work. Called on the loop's thread.
    func takeAll() -> [@Sendable () -> Void] {
        clinux_eventfd_clear(wakeup.number)
        return state.withLock { state in
            defer { state.work = [] }
            return state.work
        }
    }

    /// Refuses all further work and returns the work that is left.
    func close() -> [@Sendable () -> Void] {
        state.withLock { state in
            state.isClosed = true
            defer { state.work = [] }
            return state.work
        }
    }
}
