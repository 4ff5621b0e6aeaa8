import Crypto

/// The secret by which receivers know that an event is from this Proxy.
package struct EventKey: Sendable, Equatable {
    /// The number of bytes that a key must have.
    package static let sizes = 16...4096

    private let bytes: [UInt8]

    /// - Parameter text: the content of a file; newlines at its end don't count.
    /// - Returns: `nil` for a key that is too short or too long.
    package init?(_ text: some BidirectionalCollection<UInt8>) {
        let newlines = [UInt8(ascii: "\n"), UInt8(ascii: "\r")]
        let end = text.lastIndex { !newlines.contains($0) }.map { text.index(after: $0) } ?? text.startIndex
        bytes = Array(text[..<end])
        guard Self.sizes.contains(bytes.count) else { return nil }
    }

    /// HMAC-SHA256 of `TIME.ID.SEQUENCE.BODY`, in hexadecimal digits.
    ///
    /// - Parameter time: when it is sent, in seconds since 1970.
    func signature(time: Int64, id: String, sequence: UInt64, body: [UInt8]) -> String {
        Self.code(Array("\(time).\(id).\(sequence).".utf8) + body, key: bytes)
    }

    /// HMAC-SHA256 (RFC 2104), in hexadecimal digits.
    package static func code(_ message: [UInt8], key: [UInt8]) -> String {
        HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key)).hexadecimal
    }
}
