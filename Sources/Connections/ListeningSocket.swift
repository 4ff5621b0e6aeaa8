import EventLoop
import Glibc
import Ground

/// A socket that clients connect to, for calls or for the admin API.
///
/// Several processes may hold the same socket: each connection goes to the one that accepts it first. It closes with
/// its last copy. Any thread may use it.
package struct ListeningSocket: Sendable {
    /// The reason why an address can't be listened on: one line that names the address.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        /// What is wrong, without the address.
        package let reason: String
        package let description: String
    }

    package let socket: Socket
    /// The address, with the actual port or the path as it was given.
    package let address: HostPort
    /// Whether a service manager has made the socket and chosen its address.
    package let isManaged: Bool

    /// Resolves an address, which may block, binds it and listens. A Unix socket that an earlier process has left, and
    /// nobody listens on, is replaced; any other file stays.
    ///
    /// - Parameters:
    ///   - endpoint: the address; port 0 takes any free port.
    ///   - purpose: the purpose that the error states: ` for the admin API`.
    package static func open(_ endpoint: HostPort, purpose: String = "") throws(Failure) -> ListeningSocket {
        let resolved: [SocketAddress]
        switch Resolver.resolveBlocking(host: endpoint.host, port: endpoint.port) {
        case .addresses(let addresses): resolved = addresses
        case .failed(let reason): throw Failure(endpoint, purpose, reason)
        }
        if let path = endpoint.unixPath { try removeLeftover(path, endpoint, purpose) }
        do {
            return ListeningSocket(try Socket.listen(on: resolved[0]))
        } catch {
            throw Failure(endpoint, purpose, error.reason)
        }
    }

    /// Removes a Unix socket that nobody listens on.
    private static func removeLeftover(
        _ path: String, _ endpoint: HostPort, _ purpose: String
    ) throws(Failure) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw Failure(endpoint, purpose, "there is a file of that name, which is no socket and is left as it is")
        }
        guard let address = SocketAddress(literal: endpoint.host, port: 0) else { return }
        do {
            _ = try Socket.connect(to: address)
        } catch {
            // Only a socket that nobody holds refuses connections (unix(7)). If it is in use, or closed to this user, bind(2)
            // says so.
            if error.code == ECONNREFUSED { unsafe unlink(path) }
        }
    }

    /// Takes over a socket that already listens.
    package init(_ socket: Socket, isManaged: Bool = false) {
        self.socket = socket
        self.isManaged = isManaged
        // Every listening socket has an address.
        let local = socket.localAddress!
        address = HostPort(host: local.host, port: local.port)
    }

    /// The socket, for a process that takes over from this one.
    package var descriptor: FileDescriptor { socket.descriptor }

    /// A copy of the descriptor, for a server that closes what it accepts from; the caller owns it.
    package func copyDescriptor() throws(SystemError) -> Int32 {
        let copy = retrying { fcntl(descriptor.number, F_DUPFD_CLOEXEC, 0) }
        guard copy >= 0 else { throw SystemError(operation: "dup", code: errno) }
        return copy
    }

    /// Whether a connection waits to be accepted.
    package var hasWaiting: Bool {
        var question = pollfd(fd: socket.descriptor.number, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&question, 1, 0) > 0
    }

    /// Whether the socket can be reached from this machine only.
    package var isLoopback: Bool { socket.localAddress?.isLoopback == true }

    /// Whether the socket is the one that the settings ask for, so that a process that takes over need not open
    /// another.
    package func serves(_ endpoint: HostPort) -> Bool {
        guard (endpoint.unixPath == nil) == (address.unixPath == nil) else { return false }
        guard endpoint.port == 0 || endpoint.port == address.port else { return false }
        guard case .addresses(let addresses) = Resolver.resolveBlocking(host: endpoint.host, port: endpoint.port) else {
            return false
        }
        return addresses.first?.host == address.host
    }
}

extension ListeningSocket.Failure {
    fileprivate init(_ endpoint: HostPort, _ purpose: String, _ reason: String) {
        self.init(reason: reason, description: "cannot listen on \(endpoint)\(purpose): \(reason)")
    }
}
