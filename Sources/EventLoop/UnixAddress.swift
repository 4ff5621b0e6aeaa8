import Glibc
import Ground

/// The address of a Unix socket (unix(7)).
package struct UnixAddress: Sendable {
    /// The longest path that a socket can have, in bytes.
    package static let longestPath = HostPort.longestPath

    private var address = sockaddr_un()
    private let length: socklen_t

    /// - Parameters:
    ///   - path: a path; one that begins with `@` is an abstract address.
    ///   - operation: what is done with the address, for the error.
    /// - Throws: `ENAMETOOLONG` for a path that no socket can have.
    package init(_ path: String, _ operation: @autoclosure () -> String) throws(SystemError) {
        var bytes = Array(path.utf8)
        guard bytes.count <= Self.longestPath else { throw SystemError(operation: operation(), code: ENAMETOOLONG) }
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        self.init(path: bytes)
    }

    /// - Parameter path: as the system takes it; one that begins with a zero is an abstract address.
    /// - Precondition: the path is at most `longestPath` bytes long.
    init(path: [UInt8]) {
        address.sun_family = sa_family_t(AF_UNIX)
        length = socklen_t(MemoryLayout.offset(of: \sockaddr_un.sun_path)! + path.count)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path) }
    }

    /// Calls `body` with the address in the form that system calls take; the pointer is valid only during the call.
    package func withSystemForm<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        unsafe withUnsafePointer(to: address) { pointer in
            // A sockaddr_un is a sockaddr by the sockets API's own convention.
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }
}
