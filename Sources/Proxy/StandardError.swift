import Glibc
import Ground

/// Plain lines for whoever started the Proxy, before there is a log.
enum StandardError {
    /// Where nobody can be told, nothing is.
    static func write(_ line: String) {
        try? writeAll(Array((line + "\n").utf8), to: STDERR_FILENO)
    }
}
