import Glibc
import Ground

/// Plain lines for the person or program that started the Proxy, before there is a log.
enum StandardError {
    /// Writes a line; if it can't be written, it is dropped.
    static func write(_ line: String) {
        try? writeAll(Array((line + "\n").utf8), to: STDERR_FILENO)
    }
}
