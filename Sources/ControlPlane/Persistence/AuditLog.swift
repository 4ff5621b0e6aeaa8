import Glibc
import Ground
import Synchronization

/// The append-only record of every change and every refused change: one JSON object per line.
///
/// Each line is written in one piece and synced before `append` returns. If the log was moved away, as log rotation
/// does, it is opened again under its name; if a full disk cut a line short, that line is ended before the next. Calls
/// block and may come from any thread.
package final class AuditLog: Sendable {
    /// The log can't be written. The description is one line that names the file.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        /// What went wrong, with the file's name.
        package var description: String

        package init(description: String) {
            self.description = description
        }
    }

    private struct Target {
        var file: OpenFile
        /// Whether the file may end in the middle of a line.
        var isCut: Bool
    }

    /// The log's path.
    package let path: String
    private let target: Mutex<Target>

    /// Opens the log, creating it if needed; fails at once if it can't be written.
    package init(path: String) throws(Failure) {
        self.path = path
        target = Mutex(try Self.open(path))
    }

    /// Appends a line and waits until it is on disk.
    package func append(_ entry: AuditEntry) throws {
        try append(try JSONCoding.line(entry))
    }

    private func append(_ line: [UInt8]) throws(Failure) {
        try target.withLock { target throws(Failure) in
            if target.file.identity != FileIdentity(path: path) {
                target = try Self.open(path)
            }
            do throws(SystemError) {
                // Until it is known how it ended.
                let isCut = target.isCut
                target.isCut = true
                try target.file.write(isCut ? [UInt8(ascii: "\n")] + line : line)
                target.isCut = false
                try target.file.synchronize()
            } catch {
                throw Failure(description: error.description)
            }
        }
    }

    private static func open(_ path: String) throws(Failure) -> Target {
        // The file's group can read it, for log collectors. It is opened for reading too: the last byte tells whether
        // the last line is complete.
        let file: OpenFile
        do throws(LogFile.OpenError) {
            file = OpenFile(try LogFile(path: path, canRead: true).descriptor, path: path)
        } catch {
            throw Failure(description: "\(OpenFile.operation("open", path)): \(error.reason)")
        }
        var last: UInt8 = 0
        let end = lseek(file.descriptor.number, 0, SEEK_END)
        let hasLast = unsafe end > 0 && pread(file.descriptor.number, &last, 1, end - 1) == 1
        return Target(file: file, isCut: hasLast && last != UInt8(ascii: "\n"))
    }
}
