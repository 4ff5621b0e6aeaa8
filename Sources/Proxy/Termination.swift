import ArgumentParser
import Glibc
import Synchronization

/// What SIGTERM and SIGINT do: until the Proxy serves, they end the process at once; from then on, in order.
///
/// Any thread may use it.
package final class Termination: Sendable {
    private let leave = Mutex<(@Sendable () -> Void)?>(nil)
    private let end: @Sendable () -> Void

    /// - Parameter end: ends the process at once, as one that has nothing to finish.
    package init(end: @escaping @Sendable () -> Void = { _exit(ExitStatus.success.rawValue) }) {
        self.end = end
    }

    /// A signal has come.
    package func signal() {
        if let leave = leave.withLock({ $0 }) { leave() } else { end() }
    }

    /// Has signals end the Proxy in order from now on.
    ///
    /// - Parameter leave: called for each signal; it must not block.
    package func serve(_ leave: @escaping @Sendable () -> Void) {
        self.leave.withLock { $0 = leave }
    }
}
