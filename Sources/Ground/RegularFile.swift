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

extension RegularFile {
    /// Why a file can't be read to its end.
    package enum ReadError: Error, Equatable {
        case system(SystemError)
        /// There was more of it than as it was opened.
        case hasGrown

        /// For use within a sentence.
        package var reason: String {
            switch self {
            case .system(let error): error.reason
            case .hasGrown: "it grew while it was read"
            }
        }
    }

    /// Reads the whole file, which is as large as it was when it was opened.
    package func contents() throws(ReadError) -> [UInt8] {
        // One byte more than the size, to detect that the file has grown since.
        let capacity = size + 1
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            while count < capacity {
                let result = unsafe Glibc.read(descriptor.number, buffer.baseAddress! + count, capacity - count)
                if result > 0 {
                    count += result
                } else if result == 0 {
                    break
                } else if errno != EINTR {
                    failure = errno
                    break
                }
            }
        }
        if failure != 0 { throw .system(SystemError(operation: "read", code: failure)) }
        guard bytes.count < capacity else { throw .hasGrown }
        return bytes
    }
}
