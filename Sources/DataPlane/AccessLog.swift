import Connections
import EventLoop
import Glibc
import Ground
import Synchronization

/// The file with one JSON line for each call, written on a thread of its own so that a slow disk holds up no call.
///
/// `@unchecked Sendable`: the loop's members belong to the writing thread; what workers share is atomic.
final class AccessLog: @unchecked Sendable {
    private let loop: EventLoop
    private let file: FileDescriptor
    private let name: String
    private let reportEvent: @Sendable (NotableEvent) -> Void
    private let pendingBytes = Atomic<Int>(0)
    /// Used on the writing thread only.
    private var isFailing = false

    /// Bytes that may wait for the disk; beyond that, lines are dropped and the log says so.
    private static let mostPending = 16 << 20

    /// The log can't be opened, or its thread not be started. The description is one line that names the file.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    static func open(
        _ destination: AccessLogDestination, report: @escaping @Sendable (NotableEvent) -> Void
    ) throws(Failure) -> AccessLog? {
        do {
            switch destination {
            case .off:
                return nil
            case .standardOutput:
                return try AccessLog(FileDescriptor.duplicate(of: STDOUT_FILENO), "standard output", report)
            case .file(let path):
                // A new file is readable by this user and its group only, as the audit log is: it tells who calls what.
                return try AccessLog(LogFile(path: path).descriptor, path, report)
            }
        } catch let error as LogFile.OpenError {
            throw Failure(description: "cannot open the access log \(destination.path ?? ""): \(error.reason)")
        } catch {
            throw Failure(description: "\(error)")
        }
    }

    private init(
        _ file: FileDescriptor, _ name: String, _ report: @escaping @Sendable (NotableEvent) -> Void
    ) throws(SystemError) {
        self.file = file
        self.name = name
        reportEvent = report
        loop = try EventLoop()
        let thread = LoopConfined(loop)
        try LoopThread.start("access-log") { thread.value.run() }
    }

    /// Takes over whole lines. Any thread may call it.
    func write(_ lines: [UInt8]) {
        let pending = pendingBytes.add(lines.count, ordering: .relaxed).newValue
        guard pending <= Self.mostPending else {
            pendingBytes.subtract(lines.count, ordering: .relaxed)
            loop.mailbox.post { self.failed("the disk can't keep up, lines are lost") }
            return
        }
        loop.mailbox.post {
            self.take(lines)
            self.pendingBytes.subtract(lines.count, ordering: .relaxed)
        }
    }

    /// Returns once everything taken over so far has been written.
    func flush() async {
        await withCheckedContinuation { continuation in
            if !loop.mailbox.post({ continuation.resume() }) { continuation.resume() }
        }
    }

    private func take(_ lines: [UInt8]) {
        do {
            try writeAll(lines, to: file.number)
            isFailing = false
        } catch {
            failed(error.reason)
        }
    }

    /// Reports a failure once, until a write has succeeded again.
    private func failed(_ reason: String) {
        guard !isFailing else { return }
        isFailing = true
        reportEvent(NotableEvent(.error, "can't write the access log", [("file", name), ("reason", reason)]))
    }
}
