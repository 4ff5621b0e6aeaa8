import Glibc

/// A file that lines are appended to, made if it doesn't exist.
///
/// Links are followed. A pipe or a device is refused before anything waits for it: opening a pipe waits for a reader,
/// and writing to one that nobody reads never ends. Two kinds are not refused: what this process already has as its
/// standard output or error, as `/dev/stdout` is, and the devices in memory, as `/dev/null` is.
package struct LogFile {
    /// Why a path can't be used.
    package enum OpenError: Error, Equatable {
        case system(SystemError)
        /// It is a pipe, a socket or a device.
        case notAFile

        /// For use within a sentence.
        package var reason: String {
            switch self {
            case .system(let error): error.reason
            case .notAFile: "it is not a file, but a pipe, a socket or a device"
            }
        }
    }

    package let descriptor: FileDescriptor

    /// The major number of the devices in memory, which precedes the eight bits of a device's number (null(4)).
    private static let memoryDevices: dev_t = 1

    /// - Parameters:
    ///   - canRead: whether the file is opened for reading, too.
    ///   - mode: the permissions of a file that is made, before the umask.
    package init(path: String, canRead: Bool = false, mode: mode_t = 0o640) throws(OpenError) {
        let flags = (canRead ? O_RDWR : O_WRONLY) | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
        var status = stat()
        do throws(SystemError) {
            descriptor = try FileDescriptor(retrying { unsafe open(path, flags, mode) }, "open")
            guard unsafe fstat(descriptor.number, &status) == 0 else {
                throw SystemError(operation: "stat", code: errno)
            }
        } catch {
            // A pipe without a reader, or a socket.
            throw error.code == ENXIO ? OpenError.notAFile : OpenError.system(error)
        }
        guard Self.isAllowed(status) else { throw .notAFile }
        // Only opening must not wait: lines are written whole.
        let current = fcntl(descriptor.number, F_GETFL)
        guard current >= 0, fcntl(descriptor.number, F_SETFL, current & ~O_NONBLOCK) == 0 else {
            throw .system(SystemError(operation: "fcntl", code: errno))
        }
    }

    /// Whether what is at a path could be a log; `true` if there is nothing yet. Nothing is opened.
    package static func isAllowed(path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) != 0 || isAllowed(status)
    }

    private static func isAllowed(_ status: stat) -> Bool {
        switch status.st_mode & S_IFMT {
        case S_IFREG: true
        case S_IFCHR where status.st_rdev >> 8 == memoryDevices: true
        case S_IFCHR, S_IFIFO: isStandardOutputOrError(status)
        default: false
        }
    }

    private static func isStandardOutputOrError(_ status: stat) -> Bool {
        [STDOUT_FILENO, STDERR_FILENO].contains { number in
            var own = stat()
            return unsafe fstat(number, &own) == 0 && own.st_dev == status.st_dev && own.st_ino == status.st_ino
        }
    }
}
