/// Reads a file's bytes from front to back; every step is checked against the number of bytes left.
struct ByteCursor {
    let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The number of bytes between here and the end.
    var remaining: Int { bytes.count - position }

    /// The next `count` bytes, shared with the file rather than copied. `what` names them in the error.
    mutating func take(_ count: UInt64, of what: @autoclosure () -> String) throws(PickleError) -> ArraySlice<UInt8> {
        guard count <= UInt64(remaining) else {
            throw PickleError(
                offset: position, reason: .truncated(what: what(), needed: count, available: remaining))
        }
        let start = position
        position += Int(count)
        return bytes[start..<position]
    }

    /// The next byte.
    mutating func byte(of what: @autoclosure () -> String) throws(PickleError) -> UInt8 {
        guard position < bytes.count else {
            throw PickleError(offset: position, reason: .truncated(what: what(), needed: 1, available: 0))
        }
        defer { position += 1 }
        return bytes[position]
    }

    /// The next integer of `width` bytes (1 to 8), unsigned, lowest byte first.
    mutating func unsigned(width: Int, of what: @autoclosure () -> String) throws(PickleError) -> UInt64 {
        var number: UInt64 = 0
        for byte in try take(UInt64(width), of: what()).reversed() { number = number << 8 | UInt64(byte) }
        return number
    }

    /// The text up to the next line feed, which is skipped.
    mutating func line(of what: @autoclosure () -> String) throws(PickleError) -> String {
        guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else {
            throw PickleError(
                offset: position,
                reason: .truncated(what: what(), needed: UInt64(remaining) + 1, available: remaining))
        }
        let text = try Self.text(bytes[position..<end], offset: position)
        position = end + 1
        return text
    }

    /// Bytes as text, which pickles write in UTF-8.
    static func text(_ bytes: ArraySlice<UInt8>, offset: Int) throws(PickleError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw PickleError(offset: offset, reason: .invalidText(encoding: "UTF-8"))
        }
        return text
    }
}
