/// A value in a report: as much of it as may be shown.
package enum Value: Sendable, Equatable {
    /// There is none.
    case absent
    case integer(Int64)
    /// An unsigned integer.
    case unsigned(UInt64)
    case number(Double)
    case boolean(Bool)
    /// A value of an enum, by its name.
    case enumeration(String)
    /// A string, by its length in bytes.
    case string(length: Int)
    /// Bytes, by their number.
    case bytes(length: Int)
    /// A string that may be shown, or the beginning of one.
    case revealedString(String)
    /// Bytes that may be shown, or the first of them.
    case revealedBytes([UInt8])
    /// A message, by its length in bytes.
    case message(length: Int)
    /// How many values a repeated field has, or messages an answer.
    case count(Int)
    /// A gRPC status.
    case status(Int)
    /// Bytes where a message should be, by their number; also a message that is nested too deep, and bytes that can't be
    /// decompressed.
    case notAMessage(length: Int)
    /// Messages, by their number, and then bytes that aren't.
    case unframed(after: Int)
    /// A message in an encoding that isn't known, by its length in bytes.
    case encoded(length: Int)

    /// The most bytes of a string, or of bytes, that are shown.
    static let mostRevealed = 64

    /// A field's text, as the settings let it be shown.
    init(textOf field: WireField, in bytes: BorrowedBytes, reveal: Bool) {
        self =
            reveal
            ? .revealedString(MapKey.text(bytes.array(field.bytes)).text(limit: Self.mostRevealed))
            : .string(length: field.bytes.count)
    }

    /// Bytes, likewise.
    init(bytes range: Range<Int>, in bytes: BorrowedBytes, reveal: Bool) {
        guard reveal else {
            self = .bytes(length: range.count)
            return
        }
        let shown = min(range.count, Self.mostRevealed)
        self = .revealedBytes(bytes.array(range.lowerBound..<range.lowerBound + shown))
    }

    /// A number that is no enum's.
    init(_ number: Number, _ kind: ScalarKind) {
        switch number {
        case .signed(let value): self = .integer(value)
        case .unsigned(let value): self = kind == .bool ? .boolean(value != 0) : .unsigned(value)
        case .real(let value): self = .number(value)
        }
    }
}

extension Value: CustomStringConvertible {
    /// The value in a few words: `0.97`, `STATUS_SERVING`, `a string of 7 bytes`.
    package var description: String {
        switch self {
        case .absent: "absent"
        case .integer(let value): String(value)
        case .unsigned(let value): String(value)
        case .number(let value): String(value)
        case .boolean(let value): String(value)
        case .enumeration(let name): name
        case .string(let length): "a string of \(length) bytes"
        case .bytes(let length): "\(length) bytes"
        case .revealedString(let text): "\"\(text)\""
        case .revealedBytes(let bytes): bytes.map(\.hexadecimal).joined()
        case .message(let length): "a message of \(length) bytes"
        case .count(let count): "\(count) in number"
        case .status(let status): "status \(status)"
        case .notAMessage(let length): "not a message (\(length) bytes)"
        case .unframed(let count): "not messages after \(count)"
        case .encoded(let length): "encoded (\(length) bytes)"
        }
    }
}

extension UInt8 {
    /// Two digits.
    fileprivate var hexadecimal: String { (self < 16 ? "0" : "") + String(self, radix: 16) }
}
