import Crypto

/// The end of the audit log's chain: its last line.
package struct AuditHead: Sendable, Equatable, CustomStringConvertible {
    /// Nothing is written yet.
    package static let none = AuditHead(line: 0, hash: String(repeating: "0", count: 64))

    /// The number of the last line that has one, from 1; 0 if none has.
    package var line: UInt64
    /// SHA-256 of the last line's bytes without the newline, as 64 hexadecimal digits. The line may be one that was cut
    /// short, so that it can't be changed or removed unnoticed either.
    package var hash: String

    package init(line: UInt64, hash: String) {
        self.line = line
        self.hash = hash
    }

    /// The chain's end once a line has been written.
    ///
    /// - Parameter bytes: the line, without its newline.
    package init(line: UInt64, of bytes: some Sequence<UInt8>) {
        self.init(line: line, hash: Self.hash(bytes))
    }

    /// SHA-256 in hexadecimal digits.
    package static func hash(_ bytes: some Sequence<UInt8>) -> String {
        SHA256.hash(data: Array(bytes)).hexadecimal
    }

    /// Number and hash, separated by a space.
    package var description: String { "\(line) \(hash)" }

    /// Reads what `description` writes.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2, let line = UInt64(parts[0]),
            SequenceNumber.known.contains(line), parts[1].utf8.count == 64,
            parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        self.init(line: line, hash: String(parts[1]))
    }
}
