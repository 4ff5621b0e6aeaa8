/// Methods that a setting names: all of them (`*`), those of a service (`/package.Service/*`), or a single one
/// (`/package.Service/Method`).
package enum MethodPattern: Sendable, Hashable {
    case all
    /// The path up to the last slash, and the slash.
    case service(String)
    /// The path.
    case method(String)

    /// Reads a pattern.
    ///
    /// - Returns: `nil` for text that is none.
    package init?(_ text: some StringProtocol) {
        if text == "*" {
            self = .all
            return
        }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let isPrintable = text.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: ",") }
        guard parts.count == 3, parts[0].isEmpty, !parts[1].isEmpty, !parts[2].isEmpty, isPrintable,
            !parts[1].contains("*"), parts[2] == "*" || !parts[2].contains("*")
        else { return nil }
        self = parts[2] == "*" ? .service("/\(parts[1])/") : .method(String(text))
    }

    /// Whether a path is among the methods.
    package func matches(_ path: String) -> Bool {
        switch self {
        case .all: true
        case .service(let prefix): path.hasPrefix(prefix)
        case .method(let method): path == method
        }
    }
}

extension MethodPattern: CustomStringConvertible {
    /// The pattern as a setting has it.
    package var description: String {
        switch self {
        case .all: "*"
        case .service(let prefix): prefix + "*"
        case .method(let path): path
        }
    }
}
