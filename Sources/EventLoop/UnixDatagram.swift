import CLinux
import Glibc
import Ground

/// A socket that sends datagrams to another one on this machine (unix(7)). It never waits.
package struct UnixDatagram {
    private let descriptor: FileDescriptor

    package init() throws(SystemError) {
        let kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        descriptor = try FileDescriptor(socket(AF_UNIX, kind, 0), "socket")
    }

    /// Sends a text as one datagram.
    ///
    /// - Parameter path: the other socket's path; one that begins with `@` is an abstract address.
    /// - Throws: `ENAMETOOLONG` for a path that no socket can have, and what sendto(2) says.
    package func send(_ text: String, to path: String) throws(SystemError) {
        let address = try UnixAddress(path, "send")
        let sent = unsafe address.withSystemForm { address, length in
            retrying {
                unsafe sendto(descriptor.number, text, text.utf8.count, Int32(MSG_NOSIGNAL), address, length)
            }
        }
        guard sent >= 0 else { throw SystemError(operation: "send", code: errno) }
    }
}
