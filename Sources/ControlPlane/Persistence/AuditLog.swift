import Glibc
import Ground
import Synchronization

/// The append-only record of every change and every refused change: one JSON object a line.
///
/// Each line is written in one piece and synced before `append` returns. A log that was moved away, as log rotation
/// does, is opened anew under its name; a line that a full disk cut short is ended before the next. Its calls block and
/// may come from any thread.
package final class AuditLog: Sendable {
    /// The log can't be written. Its description is one line that names the file.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package var cause: SystemError

        package init(cause: SystemError) {
            self.cause = cause
        }

        package var description: String { "\(cause)" }
    }

    private struct Target {
        var file: OpenFile
        /// The file may end in the middle of a line.
        var isCut: Bool
    }

    package let path: String
    private let target: Mutex<Target>

    /// Opens the log, or makes it; a log that can't be written to is an error here and now.
    package init(path: String) throws(Failure) {
        self.path = path
        do {
            target = Mutex(try Self.open(path))
        } catch {
            throw Failure(cause: error)
        }
    }

    /// Adds a line and waits until it is on the disk.
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
        // A link is followed: it may lead to a terminal, a pipe or another disk, and nothing that is there is ever lost, as
        // lines are only added. Whoever collects logs is in the file's group.
        // Read as well as written: the last byte tells whether the last line is whole.
        let file = try OpenFile(path, flags: O_RDWR | O_APPEND | O_CREAT, mode: 0o640)
        var last: UInt8 = 0
        let end = lseek(file.descriptor.number, 0, SEEK_END)
        let hasLast = unsafe end > 0 && pread(file.descriptor.number, &last, 1, end - 1) == 1
        return Target(file: file, isCut: hasLast && last != UInt8(ascii: "\n"))
    }
}
