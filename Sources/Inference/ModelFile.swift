import Glibc
import Ground

/// Reads whole files up to a size limit.
enum ModelFile {
    /// The contents of a regular file.
    ///
    /// Anything else (a folder, a pipe, a device) is refused before a byte is read, so that reading neither blocks nor
    /// goes on for ever.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - limit: Largest size in bytes.
    /// - Returns: The bytes, or nil if there is no such file.
    static func read(_ path: String, limit: Int) throws(ModelLoadError) -> [UInt8]? {
        let file: FileDescriptor
        do {
            file = try FileDescriptor(retrying { unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }, "open")
        } catch {
            if error.code == ENOENT { return nil }
            throw .unreadable(path: path, reason: error.reason)
        }

        var information = stat()
        guard unsafe fstat(file.number, &information) == 0 else {
            throw .unreadable(path: path, reason: SystemError(operation: "stat", code: errno).reason)
        }
        guard information.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(path: path, reason: "it is not a regular file")
        }
        guard information.st_size <= limit else {
            throw .tooLarge(path: path, size: Int(information.st_size), limit: limit)
        }

        // One byte more than the size, to detect that the file has grown since.
        let capacity = Int(information.st_size) + 1
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            while count < capacity {
                let result = unsafe Glibc.read(file.number, buffer.baseAddress! + count, capacity - count)
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
        if failure != 0 { throw .unreadable(path: path, reason: SystemError(operation: "read", code: failure).reason) }
        guard bytes.count < capacity else {
            throw .unreadable(path: path, reason: "it grew while it was read")
        }
        return bytes
    }
}
