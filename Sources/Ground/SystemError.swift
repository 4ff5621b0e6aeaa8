import CLinux
import Glibc

/// A failed system call, and the system's reason.
public struct SystemError: Error, Equatable, CustomStringConvertible {
    /// The call and its object: `bind 127.0.0.1:50050`.
    package var operation: String
    /// The value of `errno`.
    package var code: Int32

    package init(operation: String, code: Int32) {
        self.operation = operation
        self.code = code
    }

    /// The system's text for the code, in lower case for use within a sentence.
    package var reason: String {
        guard let constant = unsafe clinux_error_text(code) else { return "error \(code)" }
        let text = unsafe String(cString: constant)
        return text.prefix(1).lowercased() + text.dropFirst()
    }

    public var description: String { "\(operation): \(reason)" }
}

/// Repeats a call for as long as a signal interrupts it.
package func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result != -1 || errno != EINTR { return result }
    }
}

/// Writes all bytes to an open descriptor, and blocks for as long as there is no room for them.
///
/// - Parameter position: offset to write at; without one, the bytes follow what was written last.
/// - Throws: with an unknown part of the bytes written.
package func writeAll(_ bytes: [UInt8], to descriptor: Int32, at position: Int? = nil) throws(SystemError) {
    var written = 0
    while written < bytes.count {
        let count = unsafe bytes.withUnsafeBytes { buffer in
            let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[written...])
            return retrying {
                if let position {
                    unsafe pwrite(descriptor, rest.baseAddress, rest.count, off_t(position + written))
                } else {
                    unsafe write(descriptor, rest.baseAddress, rest.count)
                }
            }
        }
        // A descriptor that takes nothing and gives no reason counts as broken: trying on might never end.
        guard count > 0 else { throw SystemError(operation: "write", code: count == 0 ? EIO : errno) }
        written += count
    }
}
