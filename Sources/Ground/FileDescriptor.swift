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
        try FileDescriptor(retrying { fcntl(number, F_DUPFD_CLOEXEC, 0) }, "dup")
    }
}
