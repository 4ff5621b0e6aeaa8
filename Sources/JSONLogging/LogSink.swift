import Glibc
import Ground

/// Where log lines go: a file descriptor that stays open for as long as the process lives.
///
/// Each line is one `write(2)`, so that lines of several threads or processes don't mix. A line that can't be written
/// is dropped: logging must never stop the work.
package struct LogSink: Sendable {
    private let fileDescriptor: Int32

    /// Writes lines to an open descriptor; the caller must keep it open.
    package init(fileDescriptor: Int32) {
        self.fileDescriptor = fileDescriptor
    }

    /// Writes lines to the process's standard error.
    package static let standardError = LogSink(fileDescriptor: STDERR_FILENO)

    /// Writes lines to the process's standard output.
    package static let standardOutput = LogSink(fileDescriptor: STDOUT_FILENO)

    /// Writes one line; `line` includes its line feed.
    package func write(_ line: [UInt8]) {
        try? writeAll(line, to: fileDescriptor)
    }
}
