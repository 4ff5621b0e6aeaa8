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
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw SystemError(operation: "send", code: ENAMETOOLONG)
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { space in
            unsafe space.copyBytes(from: bytes)
            if unsafe space[0] == UInt8(ascii: "@") { unsafe space[0] = 0 }
        }
        let length = socklen_t(MemoryLayout.offset(of: \sockaddr_un.sun_path)! + bytes.count)
        let sent = unsafe withUnsafePointer(to: &address) { pointer in
            // A sockaddr_un is a sockaddr by the sockets API's own convention.
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                retrying {
                    unsafe sendto(descriptor.number, text, text.utf8.count, Int32(MSG_NOSIGNAL), address, length)
                }
            }
        }
        guard sent >= 0 else { throw SystemError(operation: "send", code: errno) }
    }
}
