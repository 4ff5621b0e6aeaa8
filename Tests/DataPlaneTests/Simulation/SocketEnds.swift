import EventLoop
import Glibc
import Ground

/// A connection between the worker and the simulation.
struct SocketEnds {
    let workers: Socket
    let mine: FileDescriptor

    /// - Parameter sendBuffer: bytes that each end's socket takes, about; `nil` for the system's own.
    init(sendBuffer: Int32? = nil) throws {
        var numbers: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        if unsafe socketpair(AF_UNIX, kind, 0, &numbers) != 0 {
            throw SystemError(operation: "socketpair", code: errno)
        }
        workers = Socket(connected: try FileDescriptor(numbers[0], "socketpair"))
        mine = try FileDescriptor(numbers[1], "socketpair")
        guard var size = sendBuffer else { return }
        for number in numbers {
            unsafe setsockopt(number, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    /// Fills what the worker's end can send, so that it isn't writable: a connection that is being made.
    ///
    /// - Returns: how many bytes that were, which are no part of the connection.
    func fill() -> Int {
        let zeros = [UInt8](repeating: 0, count: 1 << 14)
        var count = 0
        while case let sent = unsafe send(workers.descriptor.number, zeros, zeros.count, Int32(MSG_NOSIGNAL)), sent > 0
        {
            count += sent
        }
        return count
    }
}
