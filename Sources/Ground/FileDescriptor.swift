import Glibc

/// An open file descriptor that is closed when its last owner releases it.
package final class FileDescriptor: Sendable {
    /// The number by which system calls know the descriptor; valid as long as this object lives.
    package let number: Int32

    /// Takes over the result of a system call.
    ///
    /// - Throws: the call's error, if it returned a negative number.
    package init(_ result: Int32, _ operation: @autoclosure () -> String) throws(SystemError) {
        guard result >= 0 else { throw SystemError(operation: operation(), code: errno) }
        number = result
    }

    deinit {
        Glibc.close(number)
    }

    /// Makes another descriptor for the same open file, closed on exec.
    package func duplicate() throws(SystemError) -> FileDescriptor {
        try Self.duplicate(of: number)
    }

    /// Makes another descriptor for the open file that someone else's descriptor stands for, closed on exec.
    package static func duplicate(of number: Int32) throws(SystemError) -> FileDescriptor {
        try FileDescriptor(retrying { fcntl(number, F_DUPFD_CLOEXEC, 0) }, "dup")
    }

    /// Reads from where the last read ended up to the end of the file, and blocks until there is one.
    ///
    /// - Parameter limit: the largest number of bytes; more are an error (`EFBIG`).
    package func readAll(limit: Int) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { space in
                retrying { unsafe read(number, space.baseAddress, space.count) }
            }
            guard count >= 0 else { throw SystemError(operation: "read", code: errno) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= limit else { throw SystemError(operation: "read", code: EFBIG) }
        }
    }
}
