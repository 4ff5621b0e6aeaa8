import Glibc
import Ground
import Synchronization

/// A process that this one has started. Any thread may use it.
package final class ChildProcess: Sendable {
    package let processID: Int32
    /// Set once its status has been collected: from then on its number may be another process's.
    private let status = Mutex<Int32?>(nil)

    package init(_ processID: Int32) {
        self.processID = processID
    }

    /// The status in the form of wait(2); `nil` while the process runs.
    package var endStatus: Int32? {
        status.withLock { known in
            if let known { return known }
            var status: Int32 = 0
            let result = retrying { unsafe waitpid(processID, &status, WNOHANG) }
            // Where somebody else has collected it, it says nothing, but the process has ended.
            if result != 0 { known = result == processID ? status : 0 }
            return known
        }
    }

    /// Kills the process; without effect once it has ended.
    package func kill() {
        status.withLock { status in
            if status == nil { _ = Glibc.kill(processID, SIGKILL) }
        }
    }

    /// A status in words.
    package static func text(ofStatus status: Int32) -> String {
        let signal = status & 0x7f
        return signal == 0 ? "exit status \(status >> 8 & 0xff)" : "signal \(signal)"
    }
}
