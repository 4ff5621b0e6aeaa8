import Glibc

/// A regular file, opened for reading.
///
/// Anything else is refused before a byte is read: opening a pipe waits for a writer, and a device has no end.
package struct RegularFile {
    /// Why a path can't be used.
    package enum OpenError: Error, Equatable {
        /// It can't be opened, or not be looked at.
        case system(SystemError)
        /// It is a folder, a pipe, a socket or a device.
        case notRegular

        /// For use within a sentence.
        package var reason: String {
            switch self {
            case .system(let error): error.reason
            case .notRegular: "it is not a regular file"
            }
        }
    }

    /// The file, open for reading.
    package let descriptor: FileDescriptor
    /// Bytes in the file as it was opened.
    package let size: Int

    package init(path: String) throws(OpenError) {
        var status = stat()
        do throws(SystemError) {
            descriptor = try FileDescriptor(retrying { unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }, "open")
            guard unsafe fstat(descriptor.number, &status) == 0 else {
                throw SystemError(operation: "stat", code: errno)
            }
        } catch {
            throw .system(error)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular }
        size = Int(status.st_size)
    }
}
