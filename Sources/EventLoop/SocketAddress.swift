import Glibc
import Ground

/// An IPv4 or IPv6 address with a port, or the path of a Unix socket, as system calls take it.
public struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
    /// The kind of address.
    package enum Family: Sendable, Hashable {
        case ipv4
        case ipv6
        case unix
    }

    /// The kind of address, which decides its length.
    package var family: Family
    /// 4 or 16 bytes in network order; a Unix socket's path, which is empty for a client's socket.
    package var bytes: [UInt8]
    /// The port, in the machine's byte order; 0 for a Unix socket.
    package var port: UInt16
    /// The interface of a link-local IPv6 address; 0 otherwise.
    package var scope: UInt32

    package init(family: Family, bytes: [UInt8], port: UInt16, scope: UInt32 = 0) {
        switch family {
        case .ipv4: precondition(bytes.count == 4, "an address has its family's length")
        case .ipv6: precondition(bytes.count == 16, "an address has its family's length")
        case .unix: precondition(bytes.count <= UnixAddress.longestPath, "a path has its place")
        }
        self.family = family
        self.bytes = bytes
        self.port = port
        self.scope = scope
    }

    /// Reads a numeric address such as `127.0.0.1` or `::1`; a name gives `nil`.
    package init?(numeric host: String, port: UInt16) {
        var bytes = [UInt8](repeating: 0, count: 16)
        if unsafe inet_pton(AF_INET, host, &bytes) == 1 {
            self.init(family: .ipv4, bytes: Array(bytes[..<4]), port: port)
        } else if unsafe inet_pton(AF_INET6, host, &bytes) == 1 {
            self.init(family: .ipv6, bytes: bytes, port: port)
        } else {
            return nil
        }
    }

    /// Reads what needs no resolving: a numeric address, or a Unix socket (`unix:PATH`).
    package init?(literal host: String, port: UInt16) {
        if let path = HostPort.unixPath(ofHost: host) {
            guard path.utf8.count <= UnixAddress.longestPath else { return nil }
            self.init(family: .unix, bytes: Array(path.utf8), port: 0)
        } else {
            self.init(numeric: host, port: port)
        }
    }

    /// Whether the address can be reached from this machine only (127.0.0.0/8, ::1, Unix sockets).
    package var isLoopback: Bool { family == .unix || HostPort.isLoopback(address: bytes[...]) }

    /// The address without its port, in its usual notation; `unix:PATH` for a Unix socket.
    package var host: String {
        if family == .unix { return "unix:" + String(decoding: bytes, as: UTF8.self) }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        return unsafe text.withUnsafeMutableBufferPointer { text in
            unsafe inet_ntop(family == .ipv4 ? AF_INET : AF_INET6, bytes, text.baseAddress, socklen_t(text.count))
            return unsafe String(cString: text.baseAddress!)
        }
    }

    public var description: String { HostPort(host: host, port: port).description }

    // MARK: The system's form

    /// Copies an address that a system call has filled in, in a place for any address that was zero before; `nil` for
    /// any family other than IPv4, IPv6 and Unix sockets'.
    init?(_ address: UnsafePointer<sockaddr>) {
        let raw = unsafe UnsafeRawPointer(address)
        switch unsafe Int32(address.pointee.sa_family) {
        case AF_INET:
            let address = unsafe raw.loadUnaligned(as: sockaddr_in.self)
            let bytes = unsafe withUnsafeBytes(of: address.sin_addr) { unsafe Array($0) }
            self.init(family: .ipv4, bytes: bytes, port: UInt16(bigEndian: address.sin_port))
        case AF_INET6:
            let address = unsafe raw.loadUnaligned(as: sockaddr_in6.self)
            let bytes = unsafe withUnsafeBytes(of: address.sin6_addr) { unsafe Array($0) }
            self.init(
                family: .ipv6, bytes: bytes, port: UInt16(bigEndian: address.sin6_port), scope: address.sin6_scope_id)
        case AF_UNIX:
            let address = unsafe raw.loadUnaligned(as: sockaddr_un.self)
            let path = unsafe withUnsafeBytes(of: address.sun_path) { unsafe Array($0.prefix { $0 != 0 }) }
            self.init(family: .unix, bytes: path.count <= UnixAddress.longestPath ? path : [], port: 0)
        default:
            return nil
        }
    }

    /// Lends the address in the form that bind(2) and connect(2) take.
    func withSystemForm<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        switch family {
        case .ipv4:
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            unsafe withUnsafeMutableBytes(of: &address.sin_addr) { unsafe $0.copyBytes(from: bytes) }
            // A sockaddr_in is a sockaddr by the sockets API's own convention.
            return unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        case .ipv6:
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_scope_id = scope
            unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { unsafe $0.copyBytes(from: bytes) }
            return unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
        case .unix:
            return unsafe UnixAddress(path: bytes).withSystemForm(body)
        }
    }
}
