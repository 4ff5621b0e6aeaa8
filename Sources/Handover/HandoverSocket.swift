import CLinux
import EventLoop
import Glibc
import Ground
import Synchronization

/// The Unix socket at which a running Proxy waits for a new one that takes over from it.
///
/// It is made under a temporary name, which shows early whether it can be made, and gets its path once this process
/// serves: by a rename, so that the path leads to the process before until that moment. Any thread may use it.
package final class HandoverSocket: Sendable {
    /// Why a path can't be used, or nothing can be taken over there. The description is one line.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        /// No socket can be made at the path.
        case path(String)
        /// A process listens there, but doesn't hand over.
        case refused(String)

        package var description: String {
            switch self {
            case .path(let reason): "handover socket: \(reason)"
            case .refused(let reason): "nothing can be taken over: \(reason)"
            }
        }
    }

    private enum Phase {
        case made
        case published
        case closed
    }

    /// What is appended to the path for the temporary name.
    private static let suffix = ".new"
    /// The longest path, in bytes.
    package static let longestPath = UnixAddress.longestPath - suffix.utf8.count
    private static let backlog: Int32 = 8

    package let path: String
    /// The lines of processes that ask to take over, each connected; ends with `close`.
    package let peers: AsyncStream<FileDescriptor>
    private let continuation: AsyncStream<FileDescriptor>.Continuation
    private let identity: FileIdentity
    private let phase = Mutex(Phase.made)
    private let acceptor: LoopConfined<HandoverAcceptor>
    private let mailbox: Mailbox

    /// Makes the socket under its temporary name. Nothing else may make one for the same path until `publish()`.
    package init(path: String) throws(Failure) {
        self.path = path
        if let kind = try Self.kind(of: path), kind != S_IFSOCK {
            throw .path("\(path) is no socket, and is left as it is")
        }
        let temporary = path + Self.suffix
        do throws(SystemError) {
            let address = try UnixAddress(temporary, "cannot make \(path)")
            let socket = try FileDescriptor(clinux_message_socket(), "socket")
            if let kind = try? Self.kind(of: temporary), kind == S_IFSOCK { unsafe unlink(temporary) }
            // The file gets these permissions as it is made (Linux): there is no moment at which others can connect.
            let isPrivate = fchmod(socket.number, 0o600) == 0
            guard isPrivate, unsafe address.withSystemForm({ unsafe bind(socket.number, $0, $1) }) == 0 else {
                throw SystemError(operation: "cannot make \(temporary)", code: errno)
            }
            guard let identity = FileIdentity(path: temporary, followsLinks: false),
                listen(socket.number, Self.backlog) == 0
            else {
                throw SystemError(operation: "cannot listen at \(temporary)", code: errno)
            }
            self.identity = identity
            let (peers, continuation) = AsyncStream.makeStream(of: FileDescriptor.self)
            (self.peers, self.continuation) = (peers, continuation)
            let loop = try EventLoop()
            let acceptor = LoopConfined(HandoverAcceptor(socket, loop, continuation))
            self.acceptor = acceptor
            mailbox = loop.mailbox
            try LoopThread.start("handover") { acceptor.value.run() }
        } catch {
            throw .path("\(error)")
        }
    }

    deinit {
        close(removing: false)
    }

    /// Gives the socket its path, from where it replaces what an earlier process has left, and begins to accept.
    package func publish() throws(Failure) {
        let temporary = path + Self.suffix
        guard FileIdentity(path: temporary, followsLinks: false) == identity else {
            throw .path("\(temporary) is not this process's any more")
        }
        guard unsafe rename(temporary, path) == 0 else {
            throw .path("\(SystemError(operation: "cannot rename to \(path)", code: errno))")
        }
        phase.withLock { $0 = .published }
        mailbox.post { [acceptor] in acceptor.value.accept() }
    }

    /// Stops accepting. Processes that are waiting find the line closed.
    ///
    /// - Parameter removing: whether the path is removed, if it still leads here; otherwise it is another process's.
    package func close(removing: Bool) {
        let before = phase.withLock { phase in
            defer { phase = .closed }
            return phase
        }
        let name: String? =
            switch before {
            case .made: path + Self.suffix
            case .published: removing ? path : nil
            case .closed: nil
            }
        if let name, FileIdentity(path: name, followsLinks: false) == identity { unsafe unlink(name) }
        continuation.finish()
        mailbox.post { [acceptor] in acceptor.value.close() }
    }

    /// The kind of file at a path, as in `st_mode`; `nil` if there is none. A symbolic link counts as itself.
    static func kind(of path: String) throws(Failure) -> mode_t? {
        var status = stat()
        if unsafe lstat(path, &status) == 0 { return status.st_mode & S_IFMT }
        guard errno == ENOENT else { throw .path("\(SystemError(operation: "cannot examine \(path)", code: errno))") }
        return nil
    }
}
