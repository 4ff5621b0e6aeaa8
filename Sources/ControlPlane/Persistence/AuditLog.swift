import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The append-only record of every change and every refused change: one JSON object a line.
///
/// Each line is written in one piece and synced before `append` returns. A log that was moved away, as log rotation
/// does, is opened anew under its name; a line that a full disk cut short is ended before the next. Its calls block and
/// may come from any thread.
package final class AuditLog: Sendable {
    private struct Target {
        var file: OpenFile
        /// The file may end in the middle of a line.
        var isCut: Bool
    }

    package let path: String
    private let target: Mutex<Target>

    /// Opens the log, or makes it; a log that can't be written to is an error here and now.
    package init(path: String) throws(FileError) {
        self.path = path
        target = Mutex(try Self.open(path))
    }

    /// Adds a line and waits until it is on the disk.
    package func append(_ entry: AuditEntry) throws {
        let line = try JSONCoding.line(entry)
        try target.withLock { target in
            if target.file.identity != OpenFile.identity(of: path) {
                target = try Self.open(path)
            }
            do {
                try target.file.write(target.isCut ? [UInt8(ascii: "\n")] + line : line)
                target.isCut = false
            } catch {
                target.isCut = true
                throw error
            }
            try target.file.synchronize()
        }
    }

    private static func open(_ path: String) throws(FileError) -> Target {
        // A link is followed: it may lead to a terminal, a pipe or another disk, and nothing that is there is ever lost, as
        // lines are only added. Whoever collects logs is in the file's group.
        // Read as well as written: the last byte tells whether the last line is whole.
        let file = try OpenFile(path, flags: O_RDWR | O_APPEND | O_CREAT, mode: 0o640)
        var last: UInt8 = 0
        let end = lseek(file.descriptor, 0, SEEK_END)
        let hasLast = end > 0 && pread(file.descriptor, &last, 1, end - 1) == 1
        return Target(file: file, isCut: hasLast && last != UInt8(ascii: "\n"))
    }
}
