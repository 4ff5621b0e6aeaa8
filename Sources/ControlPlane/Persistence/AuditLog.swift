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
        /// The system's error, with the file's name.
        package var cause: SystemError

        package init(cause: SystemError) {
            self.cause = cause
        }

        package var description: String { "\(cause)" }
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
        do {
            target = Mutex(try Self.open(path))
        } catch {
            throw Failure(cause: error)
        }
    }

    /// Appends a line and waits until it is on disk.
    package func append(_ entry: AuditEntry) throws {
        let line = try JSONCoding.line(entry)
        do {
            try append(line)
        } catch {
            throw Failure(cause: error)
        }
    }

    private func append(_ line: [UInt8]) throws(SystemError) {
        try target.withLock { target throws(SystemError) in
            if target.file.identity != OpenFile.identity(of: path) {
                target = try Self.open(path)
            }
            do throws(SystemError) {
                try target.file.write(target.isCut ? [UInt8(ascii: "\n")] + line : line)
                target.isCut = false
            } catch {
                target.isCut = true
                throw error
            }
            try target.file.synchronize()
        }
    }

    private static func open(_ path: String) throws(SystemError) -> Target {
        // Symbolic links are followed: they may lead to a terminal, a pipe or another disk, and nothing there is ever
        // lost, as lines are only appended. The file's group can read it, for log collectors. It is opened for reading
        // too: the last byte tells whether the last line is complete.
        let file = try OpenFile(path, flags: O_RDWR | O_APPEND | O_CREAT, mode: 0o640)
        var last: UInt8 = 0
        let end = lseek(file.descriptor.number, 0, SEEK_END)
        let hasLast = unsafe end > 0 && pread(file.descriptor.number, &last, 1, end - 1) == 1
        return Target(file: file, isCut: hasLast && last != UInt8(ascii: "\n"))
    }
}
