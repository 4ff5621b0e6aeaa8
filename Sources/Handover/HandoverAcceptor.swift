import CLinux
import EventLoop
import Glibc
import Ground

/// The part of a handover socket that is confined to its thread: accepts connections.
final class HandoverAcceptor: EventHandler {
    private let loop: EventLoop
    private let peers: AsyncStream<FileDescriptor>.Continuation
    /// Closed with `close()`, so that processes that connect are refused.
    private var socket: FileDescriptor?

    /// How long to wait after a failure: descriptors may have run out.
    private static let pauseAfterFailure = Duration.milliseconds(100)

    init(_ socket: FileDescriptor, _ loop: EventLoop, _ peers: AsyncStream<FileDescriptor>.Continuation) {
        self.socket = socket
        self.loop = loop
        self.peers = peers
    }

    /// Returns after `close()`.
    func run() {
        loop.run()
    }

    func accept() {
        guard let socket else { return }
        do {
            try loop.add(socket, for: .readable, handler: self)
        } catch {
            pause()
        }
    }

    func close() {
        if let socket { loop.remove(socket) }
        socket = nil
        loop.stop()
    }

    func ready(_ readiness: Readiness) {
        while let socket {
            let number = clinux_accept(socket.number)
            if number >= 0 {
                // It can't fail, as the number is one.
                if let peer = try? FileDescriptor(number, "accept") { peers.yield(peer) }
                continue
            }
            switch errno {
            case EAGAIN: return
            case EINTR, ECONNABORTED: continue
            default:
                loop.remove(socket)
                return pause()
            }
        }
    }

    private func pause() {
        _ = loop.schedule(after: Self.pauseAfterFailure) { [unowned self] in accept() }
    }
}
