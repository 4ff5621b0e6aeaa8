import Glibc
import Ground

/// Keeps the end of the audit log's chain beside the log (`LOG.head`), for a log that is moved away while no Proxy runs,
/// and to notice one that has lost its last lines.
///
/// The file is written before the line: it names the chain's end without the line and with it. Whatever is killed at
/// whatever moment, the log ends with one of the two. Once the line is on disk, the file names that end alone.
struct AuditHeadFile: Sendable {
    /// The end of the chain before and after the line that was written last.
    struct Content: Equatable {
        var before: AuditHead
        var after: AuditHead

        var text: String { "\(before)\n\(after)\n" }

        init(before: AuditHead, after: AuditHead) {
            self.before = before
            self.after = after
        }

        init?(_ text: String) {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            // A file that was longer once may have more lines.
            guard lines.count >= 3, let before = AuditHead(lines[0]), let after = AuditHead(lines[1]) else {
                return nil
            }
            self.init(before: before, after: after)
        }

        /// The one of the two whose last line has this hash.
        func end(with hash: String) -> AuditHead? {
            after.hash == hash ? after : before.hash == hash ? before : nil
        }
    }

    private static let sizeLimit = 4096

    let path: String

    /// - Parameter log: path of the log.
    /// - Returns: `nil` for a log that only stands for another file, such as `/dev/stdout`: nothing belongs beside it.
    init?(besides log: String) {
        guard folder(of: log) != "/dev", !log.hasPrefix("/dev/fd/"), !log.hasPrefix("/proc/") else { return nil }
        path = log + ".head"
    }

    /// - Returns: `nil` if there is no file, or none that can be used.
    func read() -> Content? {
        guard let file = try? OpenFile(path, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
            let bytes = try? file.readAll(limit: Self.sizeLimit)
        else { return nil }
        return Content(String(decoding: bytes, as: UTF8.self))
    }

    /// Writes the file in place, as it is far smaller than what a disk writes at once.
    ///
    /// - Parameter isDurable: whether to wait until it is on disk.
    func write(_ content: Content, isDurable: Bool) throws(SystemError) {
        let file = try OpenFile(path, flags: O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK)
        try file.write(Array(content.text.utf8), at: 0)
        if isDurable { try file.synchronize() }
    }
}
