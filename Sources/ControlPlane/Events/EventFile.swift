import Glibc
import Ground

/// The file that keeps the events which wait, so that they outlive a crash: one record a line, only ever appended to, and
/// written anew when most of it is settled. Only one process may use it at a time, and only one thread.
///
/// An event is synced before it is sent: whatever was sent under a number keeps it after a power failure. That something
/// is settled is not synced, as the worst that follows is that it is sent once more.
package struct EventFile {
    /// A file whose lines are longer than this, in bytes, in all is written anew.
    private static let sizeBeforeRewriting = 1 << 20
    /// The longest file that is read, in bytes.
    private static let sizeLimit = 1 << 30

    package let path: String
    private var file: OpenFile?
    /// Bytes of whole lines in the file.
    private var size = 0
    /// Whether the file lacks something: it is written anew at the next chance.
    package private(set) var isBehind = false

    /// Opens the file, creating it if needed; fails at once if it can't be written. Nothing is read, as another process may
    /// still write.
    package init(path: String) throws(SystemError) {
        self.path = path
        file = try Self.open(path)
    }

    private static func open(_ path: String) throws(SystemError) -> OpenFile {
        let file = try OpenFile(path, flags: O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK)
        var status = stat()
        guard unsafe fstat(file.descriptor.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SystemError(operation: "cannot use \(path), as it is not a file", code: EINVAL)
        }
        return file
    }

    /// Reads the records, and how many lines can't be read.
    ///
    /// A last line without its newline is one that a crash, or a full disk, cut short; it is cut off.
    package mutating func load() throws(SystemError) -> (records: [EventQueue.Record], damaged: Int) {
        let file = try Self.open(path)
        self.file = file
        let bytes = try file.readAll(limit: Self.sizeLimit)
        let newline = UInt8(ascii: "\n")
        let end = bytes.lastIndex(of: newline).map { $0 + 1 } ?? 0
        if end < bytes.count, ftruncate(file.descriptor.number, off_t(end)) != 0 { throw file.failure("shorten") }
        size = end
        isBehind = false
        let lines = bytes[..<end].split(separator: newline)
        let records = lines.compactMap(EventQueue.Record.init(line:))
        return (records, lines.count - records.count)
    }

    /// Appends records.
    ///
    /// - Parameters:
    ///   - isDurable: whether to wait until they are on disk.
    ///   - queue: the queue after them, for a file that has to be written anew.
    package mutating func append(
        _ records: [EventQueue.Record], isDurable: Bool, of queue: EventQueue
    ) throws(SystemError) {
        guard !records.isEmpty || isBehind else { return }
        let bytes = records.flatMap(\.line)
        let isLong = size + bytes.count > Self.sizeBeforeRewriting && size > 4 * queue.byteCount
        // Somebody may have moved it away.
        guard !isBehind, !isLong, let file, file.identity == FileIdentity(path: path, followsLinks: false) else {
            return try rewrite(queue)
        }
        do throws(SystemError) {
            try file.write(bytes)
            if isDurable { try file.synchronize() }
            size += bytes.count
        } catch {
            // A part of a line must not be taken for the beginning of the next one.
            _ = ftruncate(file.descriptor.number, off_t(size))
            isBehind = true
            throw error
        }
    }

    /// Puts a new file in the place of the old one, which stays as it was if that fails.
    private mutating func rewrite(_ queue: EventQueue) throws(SystemError) {
        let temporary = path + ".tmp"
        let bytes = queue.records.flatMap(\.line)
        do throws(SystemError) {
            guard unsafe unlink(temporary) == 0 || errno == ENOENT else {
                throw SystemError(operation: OpenFile.operation("remove", temporary), code: errno)
            }
            let file = try OpenFile(temporary, flags: O_RDWR | O_CREAT | O_EXCL | O_APPEND)
            try file.write(bytes)
            try file.synchronize()
            guard unsafe rename(temporary, path) == 0 else {
                throw SystemError(operation: OpenFile.operation("rename to", path), code: errno)
            }
            self.file = file
            size = bytes.count
            isBehind = false
            try OpenFile(folder(of: path), flags: O_RDONLY | O_DIRECTORY).synchronize()
        } catch {
            unsafe unlink(temporary)
            throw error
        }
    }
}

extension EventQueue {
    /// The size of what waits, as it is written.
    fileprivate var byteCount: Int { waiting.reduce(0) { $0 + $1.body.count + 1 } }
}

extension EventQueue.Record {
    private struct Mark: Codable {
        var settled: UInt64?
        var memory: EventQueue.Memory?
    }

    /// The record as a line with its newline.
    var line: [UInt8] {
        let mark: Mark
        switch self {
        case .event(let event): return event.body + [UInt8(ascii: "\n")]
        case .settled(let sequence): mark = Mark(settled: sequence)
        case .memory(let memory): mark = Mark(memory: memory)
        }
        return (try? JSONCoding.line(mark)) ?? []
    }

    /// - Returns: `nil` for a line that can't be read.
    init?(line: some Sequence<UInt8>) {
        let bytes = Array(line)
        let known = SequenceNumber.known
        if let event = Event(body: bytes) {
            guard known.contains(event.sequence), known.contains(event.missing?.upperBound ?? 0),
                known.contains(event.missing?.lowerBound ?? 1), (event.missing?.lowerBound ?? 1) > 0
            else { return nil }
            self = .event(event)
        } else if let mark = try? JSONCoding.decode(Mark.self, from: bytes) {
            if let sequence = mark.settled, known.contains(sequence) {
                self = .settled(sequence)
            } else if let memory = mark.memory, known.contains(memory.next), memory.next > 0 {
                self = .memory(memory)
            } else {
                return nil
            }
        } else {
            return nil
        }
    }
}
