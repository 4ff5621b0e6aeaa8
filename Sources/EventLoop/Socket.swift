import CLinux
import Glibc
import Ground

/// A non-blocking stream socket, of TCP or a Unix one. Confined to one thread, but may be handed over to another.
package struct Socket: Sendable {
    /// The outcome of a read or a write.
    package enum Transfer: Equatable {
        case bytes(Int)
        /// Nothing can be moved now; epoll reports when.
        case wouldBlock
        /// The peer has closed its side (reads only).
        case end
        case failed(SystemError)
    }

    /// The open socket, which doesn't block.
    package let descriptor: FileDescriptor

    private init(_ descriptor: FileDescriptor) {
        self.descriptor = descriptor
    }

    // MARK: Making

    /// Binds and listens. The address can be reused as soon as an earlier owner has gone (SO_REUSEADDR).
    package static func listen(on address: SocketAddress, backlog: Int32 = 4096) throws(SystemError) -> Socket {
        let socket = try make(for: address)
        socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
        let bound = unsafe address.withSystemForm { unsafe bind(socket.descriptor.number, $0, $1) }
        guard bound == 0, Glibc.listen(socket.descriptor.number, backlog) == 0 else {
            throw SystemError(operation: "cannot listen on \(address)", code: errno)
        }
        return socket
    }

    /// Takes over a socket that already listens.
    ///
    /// - Returns: `nil` for anything other than a listening stream socket.
    package init?(listening descriptor: FileDescriptor) {
        self.init(descriptor)
        guard option(SOL_SOCKET, SO_ACCEPTCONN) == 1, option(SOL_SOCKET, SO_TYPE) == Int32(SOCK_STREAM.rawValue),
            localAddress != nil
        else { return nil }
        let flags = fcntl(descriptor.number, F_GETFL)
        guard flags >= 0, fcntl(descriptor.number, F_SETFL, flags | O_NONBLOCK) == 0 else { return nil }
    }

    /// Takes over a non-blocking stream socket that is connected, or being connected.
    package init(connected descriptor: FileDescriptor) {
        self.init(descriptor)
    }

    /// Starts connecting. Once the socket is writable, `connectionError()` tells the outcome.
    package static func connect(to address: SocketAddress) throws(SystemError) -> Socket {
        let socket = try make(for: address)
        socket.setNoDelay()
        // A Unix socket whose queue is full says EAGAIN, and reports nothing later (connect(2)): that attempt has failed.
        let result = unsafe address.withSystemForm { unsafe Glibc.connect(socket.descriptor.number, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            throw SystemError(operation: "connect \(address)", code: errno)
        }
        return socket
    }

    private static func make(for address: SocketAddress) throws(SystemError) -> Socket {
        let family =
            switch address.family {
            case .ipv4: AF_INET
            case .ipv6: AF_INET6
            case .unix: AF_UNIX
            }
        return Socket(try FileDescriptor(clinux_stream_socket(family), "socket"))
    }

    /// Prepares a listening socket for `accept()`: the connections inherit its options (tcp(7)).
    package func prepareForAccepting() {
        setNoDelay()
        // The first bytes are answered at once, and the answer acknowledges them: no separate packet is needed.
        set(Int32(IPPROTO_TCP), TCP_QUICKACK, 0)
    }

    /// Takes the next connection off a listening socket's queue; `nil` if none waits.
    package func accept() throws(SystemError) -> Socket? {
        while true {
            let number = clinux_accept(descriptor.number)
            if number >= 0 {
                return Socket(try FileDescriptor(number, "accept"))
            }
            switch errno {
            case EAGAIN: return nil
            // A connection that died in the queue says nothing about the next one.
            case EINTR, ECONNABORTED, EPROTO: continue
            default: throw SystemError(operation: "accept", code: errno)
            }
        }
    }

    // MARK: Moving bytes

    /// Reads once, up to the buffer's size. `end` is the end of the peer's bytes.
    package func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        while true {
            let count = unsafe recv(descriptor.number, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wouldBlock : .failed(SystemError(operation: "read", code: errno))
        }
    }

    /// - Parameter isLast: whether the socket is closed right after: the bytes wait for that, and go in one packet with
    ///   the FIN.
    package func write(_ bytes: UnsafeRawBufferPointer, isLast: Bool = false) -> Transfer {
        let flags = Int32(isLast ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL)
        while true {
            let count = unsafe send(descriptor.number, bytes.baseAddress, bytes.count, flags)
            if count >= 0 { return .bytes(count) }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wouldBlock : .failed(SystemError(operation: "write", code: errno))
        }
    }

    // MARK: Asking

    /// The reason why connecting failed; `nil` if it succeeded.
    package func connectionError() -> SystemError? {
        let code = option(SOL_SOCKET, SO_ERROR) ?? EBADF
        return code == 0 ? nil : SystemError(operation: "connect", code: code)
    }

    /// Bytes written that the peer's system has not acknowledged; `nil` if the system can't tell.
    package var unacknowledged: Int? {
        let count = clinux_unacknowledged(descriptor.number)
        return count < 0 ? nil : Int(count)
    }

    /// The address that the socket is bound to; `nil` if the system can't tell.
    package var localAddress: SocketAddress? { unsafe address(by: getsockname) }
    /// The address of the other side; `nil` if the socket isn't connected.
    package var peerAddress: SocketAddress? { unsafe address(by: getpeername) }

    private func address(
        by ask: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { storage in
            // A sockaddr_storage holds any sockaddr by the sockets API's own convention.
            unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe ask(descriptor.number, address, &length) == 0 ? SocketAddress(address) : nil
            }
        }
    }

    // MARK: Options

    /// Disables Nagle's algorithm: frames go out as they are written, since batching is the loop's business.
    private func setNoDelay() {
        set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    /// Lets the system notice within about half a minute that a host is gone without a word (tcp(7)).
    package func setKeepAlive() {
        set(SOL_SOCKET, SO_KEEPALIVE, 1)
        set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, 15)
        set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, 5)
        set(Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
        set(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, 30_000)
    }

    /// - Returns: `nil` if the descriptor isn't a socket.
    private func option(_ level: Int32, _ name: Int32) -> Int32? {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return unsafe getsockopt(descriptor.number, level, name, &value, &length) == 0 ? value : nil
    }

    private func set(_ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        unsafe setsockopt(descriptor.number, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}
