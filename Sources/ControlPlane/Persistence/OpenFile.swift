import Glibc
import Ground

/// An open file; every failure names the file. Calls block the calling thread.
final class OpenFile: Sendable {
    let path: String
    let descriptor: FileDescriptor

    /// Opens a file with close-on-exec.
    ///
    /// - Parameters:
    ///   - flags: `O_RDWR`, `O_CREAT` and so on.
    ///   - mode: the permissions of a file that is created, before the umask.
    init(_ path: String, flags: Int32, mode: mode_t = 0o600) throws(SystemError) {
        self.path = path
        descriptor = try FileDescriptor(
            retrying { unsafe open(path, flags | O_CLOEXEC, mode) }, Self.operation("open", path))
    }

    /// Takes over an open file.
    ///
    /// - Parameter path: the file's name in errors.
    init(_ descriptor: FileDescriptor, path: String) {
        self.path = path
        self.descriptor = descriptor
    }

    /// Shares a file that someone else has opened.
    ///
    /// - Parameter path: the file's name in errors.
    init(sharing other: FileDescriptor, path: String) throws(SystemError) {
        self.path = path
        do {
            descriptor = try other.duplicate()
        } catch {
            throw SystemError(operation: Self.operation("open", path), code: error.code)
        }
    }

    /// Writes all bytes; if it throws, any part of them may have been written.
    ///
    /// - Parameter position: the offset to write at; `nil` continues after the last write.
    func write(_ bytes: [UInt8], at position: Int? = nil) throws(SystemError) {
        do {
            try writeAll(bytes, to: descriptor.number, at: position)
        } catch {
            throw failure("write", code: error.code)
        }
    }

    /// Waits until everything written is on disk. A pipe, a terminal, or a folder on a file system that can't sync
    /// folders has nothing to wait for (`EINVAL`, fsync(2)).
    func synchronize() throws(SystemError) {
        guard retrying({ fsync(descriptor.number) }) == 0 || errno == EINVAL else { throw failure("sync") }
    }

    /// Reads from the start to the end. A pipe is an error (`ESPIPE`), as it has no start to read from: it would be waited
    /// for.
    ///
    /// - Parameter limit: the largest size in bytes; a longer file is an error (`EFBIG`).
    func readAll(limit: Int) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let offset = off_t(bytes.count)
            let count = unsafe buffer.withUnsafeMutableBytes { space in
                retrying { unsafe pread(descriptor.number, space.baseAddress!, space.count, offset) }
            }
            guard count >= 0 else { throw failure("read") }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= limit else { throw failure("read", code: EFBIG) }
        }
    }

    /// The error to report for a failed call.
    ///
    /// - Parameter verb: the operation that failed: `lock`.
    func failure(_ verb: String, code: Int32 = errno) -> SystemError {
        SystemError(operation: Self.operation(verb, path), code: code)
    }

    static func operation(_ verb: String, _ path: String) -> String { "cannot \(verb) \(path)" }

    var identity: FileIdentity? { FileIdentity(descriptor: descriptor.number) }
}
