import CLinux
import Glibc

/// A failed system call: which one, and the system's word for why.
package struct SystemError: Error, Equatable, CustomStringConvertible {
    /// The call, with what it was about: `bind 127.0.0.1:50050`.
    package var operation: String
    /// The value of `errno`.
    package var code: Int32

    package init(operation: String, code: Int32) {
        self.operation = operation
        self.code = code
    }

    /// The system's text for the code, in lower case as it stands within a sentence.
    package var reason: String {
        guard let constant = clinux_error_text(code) else { return "error \(code)" }
        let text = String(cString: constant)
        return text.prefix(1).lowercased() + text.dropFirst()
    }

    package var description: String { "\(operation): \(reason)" }
}

/// An open file descriptor that is closed when its last owner lets go of it.
package final class FileDescriptor: Sendable {
    package let number: Int32

    /// Takes over what a system call returned.
    ///
    /// - Throws: the call's error, where it returned a negative number.
    package init(_ result: Int32, _ operation: @autoclosure () -> String) throws(SystemError) {
        guard result >= 0 else { throw SystemError(operation: operation(), code: errno) }
        number = result
    }

    deinit {
        Glibc.close(number)
    }
}
