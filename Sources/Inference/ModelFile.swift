import Glibc
import Ground

/// Reads whole files up to a size limit.
enum ModelFile {
    /// The contents of a regular file.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - limit: Largest size in bytes.
    /// - Returns: The bytes, or nil if there is no such file.
    static func read(_ path: String, limit: Int) throws(ModelLoadError) -> [UInt8]? {
        let file: RegularFile
        do {
            file = try RegularFile(path: path)
        } catch {
            if case .system(let error) = error, error.code == ENOENT { return nil }
            throw .unreadable(path: path, reason: error.reason)
        }
        guard file.size <= limit else { throw .tooLarge(path: path, size: file.size, limit: limit) }

        // One byte more than the size, to detect that the file has grown since.
        let capacity = file.size + 1
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            while count < capacity {
                let result = unsafe Glibc.read(file.descriptor.number, buffer.baseAddress! + count, capacity - count)
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
