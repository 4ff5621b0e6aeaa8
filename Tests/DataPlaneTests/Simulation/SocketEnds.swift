import EventLoop
import Glibc
import Ground

/// The two ends of a connection between the worker and the simulation.
struct SocketEnds {
    let workers: Socket
    let mine: FileDescriptor

    /// - Parameter sendBuffer: approximate size of each end's send buffer in bytes; `nil` for the system's default.
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

    /// Fills the send buffer of the worker's end, so that the socket isn't writable and looks like a connection that is
    /// still being made.
    ///
    /// - Returns: the number of filler bytes, which the reader has to skip.
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
