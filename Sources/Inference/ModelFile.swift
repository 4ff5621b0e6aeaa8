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
        do throws(RegularFile.ReadError) {
            return try file.contents()
        } catch {
            throw .unreadable(path: path, reason: error.reason)
        }
    }
}
