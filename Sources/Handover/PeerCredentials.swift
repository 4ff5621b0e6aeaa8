import CLinux
import Glibc
import Ground

/// Who is at the other end of a Unix socket: the user and process that connected it, or that began to listen.
package struct PeerCredentials: Equatable, Sendable {
    /// The user's number.
    package var user: UInt32
    /// The process's number; 0 if it is in a namespace that this process doesn't see into, as that of another container.
    package var processID: Int32

    package init(user: UInt32, processID: Int32) {
        self.user = user
        self.processID = processID
    }

    /// Asks the system.
    package init(of socket: FileDescriptor) throws(SystemError) {
        var (user, processID): (UInt32, Int32) = (0, 0)
        guard unsafe clinux_peer(socket.number, &user, &processID) == 0 else {
            throw SystemError(operation: "getsockopt", code: errno)
        }
        self.init(user: user, processID: processID)
    }

    /// Why this peer may neither be handed over to nor taken over from: it has another user; `nil` if it may.
    ///
    /// - Parameter own: this process's user.
    package func refusal(own: UInt32) -> String? {
        user == own ? nil : "the other process has user \(user), and this one user \(own)"
    }
}
