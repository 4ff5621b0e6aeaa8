/// Writes JSON text (RFC 8259) as UTF-8 bytes, straight into one buffer.
///
/// It inserts the commas itself; the caller must write names before values and close everything it opens, which is
/// checked by a precondition only in ``finish()``. Meant for output whose shape is known beforehand (log lines,
/// responses): nothing is boxed and nothing is looked up.
///
/// ```swift
/// var writer = JSONWriter()
/// writer.object {
///     $0.member("status", "ok")
///     $0.member("probabilities") { $0.array { for p in probabilities { $0.value(p) } } }
/// }
/// let bytes = writer.finish()
/// ```
package struct JSONWriter: Sendable {
    private var bytes: [UInt8] = []
    private var depth = 0
    private var needsComma = false

    /// Starts an empty text.
    ///
    /// - Parameter capacity: Number of bytes to reserve.
    package init(capacity: Int = 256) {
        bytes.reserveCapacity(capacity)
    }

    /// The text written so far. Precondition: everything that was opened has been closed.
    package consuming func finish() -> [UInt8] {
        precondition(depth == 0, "An object or array is still open.")
        return bytes
    }

    /// Writes an object whose members `body` writes.
    package mutating func object<Failure: Error>(
        _ body: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        open(UInt8(ascii: "{"))
        try body(&self)
        close(UInt8(ascii: "}"))
    }

    /// Writes an array whose elements `body` writes.
    package mutating func array<Failure: Error>(
        _ body: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        open(UInt8(ascii: "["))
        try body(&self)
        close(UInt8(ascii: "]"))
    }

    /// Writes the name of an object's next member; its value must follow.
    package mutating func name(_ name: String) {
        separate()
        appendQuoted(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes a member whose value `body` writes.
    package mutating func member<Failure: Error>(
        _ name: String, _ body: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        self.name(name)
        try body(&self)
    }

    /// Writes a member with a string.
    package mutating func member(_ name: String, _ string: String) {
        self.name(name)
        value(string)
    }

    /// Writes a member with an integer.
    package mutating func member(_ name: String, _ integer: some BinaryInteger) {
        self.name(name)
        value(integer)
    }

    /// Writes a member with a number; see ``value(_:)-(Double)``.
    package mutating func member(_ name: String, _ number: Double) {
        self.name(name)
        value(number)
    }

    /// Writes a member with a Boolean.
    package mutating func member(_ name: String, _ boolean: Bool) {
        self.name(name)
        value(boolean)
    }

    /// Writes a string.
    package mutating func value(_ string: String) {
        separate()
        appendQuoted(string)
    }

    /// Writes an integer.
    package mutating func value(_ integer: some BinaryInteger) {
        separate()
        bytes.append(contentsOf: integer.description.utf8)
    }

    /// Writes the shortest decimal number that reads back as the same double.
    ///
    /// JSON has no NaN and no infinity (RFC 8259, section 6): these become `null`.
    package mutating func value(_ number: Double) {
        separate()
        bytes.append(contentsOf: number.isFinite ? number.description.utf8 : "null".utf8)
    }

    /// Writes `true` or `false`.
    package mutating func value(_ boolean: Bool) {
        separate()
        bytes.append(contentsOf: boolean ? "true".utf8 : "false".utf8)
    }

    /// Writes `null`.
    package mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    /// Writes text that is already JSON.
    package mutating func raw(_ json: some Sequence<UInt8>) {
        separate()
        bytes.append(contentsOf: json)
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        depth += 1
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        depth -= 1
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    /// Quotes a string and escapes what RFC 8259, section 7, requires: quotation mark, reverse solidus, controls.
    private mutating func appendQuoted(_ string: String) {
        bytes.append(UInt8(ascii: "\""))
        defer { bytes.append(UInt8(ascii: "\"")) }
        guard string.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) else {
            bytes.append(contentsOf: string.utf8)
            return
        }
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"):
                bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"):
                bytes.append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\t"):
                bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(Self.hexDigits[Int(byte >> 4)])
                bytes.append(Self.hexDigits[Int(byte & 0xF)])
            default:
                bytes.append(byte)
            }
        }
    }

    private static let hexDigits = Array("0123456789abcdef".utf8)
}
