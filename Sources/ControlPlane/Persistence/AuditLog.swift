import Glibc
import Ground
import Synchronization

/// The append-only record of every change and every refused change: one JSON object per line.
///
/// Each line is written in one piece and synced before `append` returns. If the log was moved away, as log rotation
/// does, it is opened again under its name; if a full disk cut a line short, that line is ended before the next. Calls
/// block and may come from any thread.
///
/// The lines form a chain: each has a number and the hash of the line before it, also if that is in a file that was moved
/// away. What is remembered of the chain's end holds as long as the file has the size that this object left it with;
/// otherwise somebody else has written, such as a process that has taken over and ended, and the file is read again.
package final class AuditLog: Sendable {
    /// The log can't be written. The description is one line that names the file.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        /// What went wrong, with the file's name.
        package var description: String

        package init(description: String) {
            self.description = description
        }
    }

    fileprivate struct Target {
        var file: OpenFile
        /// The chain's end.
        var head = AuditHead.none
        /// The file's size for which `head` and `isCut` hold; `nil` if the file has to be read again.
        var size: Int?
        /// Whether the file may end in the middle of a line.
        var isCut = false
    }

    /// The log's path.
    package let path: String
    private let headFile: AuditHeadFile?
    private let target: Mutex<Target>
    private let published: Mutex<AuditHead>
    private let warn: @Sendable (String) -> Void

    /// Opens the log, creating it if needed; fails at once if it can't be written.
    ///
    /// - Parameter warn: told what is wrong with the chain.
    package init(path: String, warn: @escaping @Sendable (String) -> Void = { _ in }) throws(Failure) {
        self.path = path
        self.warn = warn
        headFile = AuditHeadFile(besides: path)
        var target = Target(file: try Self.open(path))
        Self.takeUp(&target, headFile, warn)
        published = Mutex(target.head)
        self.target = Mutex(target)
    }

    /// The chain's end as far as it is known here. Reading it never waits for a disk.
    package var head: AuditHead { published.withLock { $0 } }

    /// Looks at what another process has written, which doesn't any more.
    package func takeUp() {
        target.withLock { target in
            if target.file.identity != FileIdentity(path: path), let file = try? Self.open(path) {
                target.file = file
                target.size = nil
            }
            Self.takeUp(&target, headFile, warn)
            published.withLock { $0 = target.head }
        }
    }

    /// Appends a line and waits until it is on disk.
    ///
    /// - Returns: the chain's end with this line.
    @discardableResult
    package func append(_ entry: AuditEntry) throws -> AuditHead {
        try target.withLock { target in
            if target.file.identity != FileIdentity(path: path) {
                target.file = try Self.open(path)
                target.size = nil
            }
            Self.takeUp(&target, headFile, warn)
            let line = AuditLine(entry: entry, previous: target.head)
            let bytes = try JSONCoding.line(line)
            let head = AuditHead(line: line.number, of: bytes.dropLast())
            if target.isFile { note(.init(before: target.head, after: head), isDurable: true) }
            do throws(SystemError) {
                try write(bytes, &target)
            } catch {
                // Nobody knows how much was written: the file is asked.
                Self.takeUp(&target, nil, warn)
                if target.isFile { note(.init(before: target.head, after: target.head), isDurable: true) }
                published.withLock { [head = target.head] in $0 = head }
                throw Failure(description: error.description)
            }
            target.head = head
            published.withLock { $0 = head }
            // If a power failure undoes this, either end is accepted.
            if target.isFile { note(.init(before: head, after: head), isDurable: false) }
            return head
        }
    }

    /// The entries of the log's file after a line, in order, each with the chain's end that it made.
    package func entries(after line: UInt64) -> [EventDraft] {
        target.withLock { target in
            guard let size = target.file.size, size > 0, target.head.line > line else { return [] }
            // A few hundred bytes a line.
            let count = min(size, Self.longestLookBack)
            guard let bytes = target.file.read(count, at: size - count) else { return [] }
            return bytes.split(separator: UInt8(ascii: "\n")).compactMap { bytes in
                guard let number = AuditLink.read(bytes)?.line, number > line,
                    let entry = try? JSONCoding.decode(AuditEntry.self, from: Array(bytes))
                else { return nil }
                return EventDraft(.entry(entry, auditError: nil), auditHead: AuditHead(line: number, of: bytes))
            }
        }
    }

    /// In bytes.
    private static let longestLookBack = 4 << 20

    private func write(_ line: [UInt8], _ target: inout Target) throws(SystemError) {
        let isCut = target.isCut
        let size = target.size.map { $0 + line.count + (isCut ? 1 : 0) }
        // Until it is known how it ended.
        (target.size, target.isCut) = (nil, true)
        try target.file.write(isCut ? [UInt8(ascii: "\n")] + line : line)
        target.isCut = false
        try target.file.synchronize()
        target.size = size
    }

    /// A line is worth more than the note of it.
    private func note(_ content: AuditHeadFile.Content, isDurable: Bool) {
        do {
            try headFile?.write(content, isDurable: isDurable)
        } catch {
            warn("the end of the audit log's chain can't be kept: \(error)")
        }
    }

    /// Reads the chain's end, unless it is known.
    ///
    /// - Parameter headFile: `nil` if the log alone counts.
    private static func takeUp(_ target: inout Target, _ headFile: AuditHeadFile?, _ warn: (String) -> Void) {
        guard let size = target.file.size else { return }
        guard size != target.size else { return }
        guard let tail = target.file.auditTail(size) else { return }
        let kept = headFile?.read()
        target.size = size
        target.isCut = tail.isCut
        guard let hash = tail.hash else {
            // The file was moved away, or emptied.
            if let kept { target.head = kept.after }
            return
        }
        let end = kept?.end(with: hash)
        // Another process may be writing while this one looks.
        if end == nil, target.file.size != size { return takeUp(&target, headFile, warn) }
        // The note of a line that was cut short may be missing.
        if let kept, end == nil, !tail.isCut {
            target.head = kept.after
            return warn(
                """
                the audit log \(target.file.path) doesn't end with the line that was written last, number \
                \(kept.after.line): lines were removed from its end, or changed, or another program has written to it
                """)
        }
        target.head = AuditHead(line: end?.line ?? tail.line ?? target.head.line, hash: hash)
    }

    private static func open(_ path: String) throws(Failure) -> OpenFile {
        // The file's group can read it, for log collectors. It is opened for reading too: the last line is a link of the
        // chain, and the last byte tells whether it is complete.
        do throws(LogFile.OpenError) {
            return OpenFile(try LogFile(path: path, canRead: true).descriptor, path: path)
        } catch {
            throw Failure(description: "\(OpenFile.operation("open", path)): \(error.reason)")
        }
    }
}

extension AuditLog.Target {
    /// Whether the log can be read again; a terminal, or a device such as `/dev/null`, can't.
    fileprivate var isFile: Bool { file.size != nil }
}

extension OpenFile {
    /// The size in bytes; `nil` for what isn't a regular file.
    fileprivate var size: Int? {
        var status = stat()
        guard unsafe fstat(descriptor.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// What the file's end says about the chain; `nil` if it can't be read.
    fileprivate func auditTail(_ size: Int) -> AuditTail? {
        var count = min(size, 65_536)
        while true {
            guard let bytes = read(count, at: size - count) else { return nil }
            if let tail = AuditTail(bytes, isWhole: count == size) { return tail }
            count = min(size, count * 4)
        }
    }

    fileprivate func read(_ count: Int, at offset: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let more = unsafe bytes.withUnsafeMutableBytes { space in
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: space[done...])
                return retrying { unsafe pread(descriptor.number, rest.baseAddress, rest.count, off_t(offset + done)) }
            }
            guard more > 0 else { return nil }
            done += more
        }
        return bytes
    }
}
