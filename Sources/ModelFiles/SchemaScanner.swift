import Pickle

/// Moves through a JSON text value by value.
struct SchemaScanner {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Offset of the next character that is not white space.
    mutating func next(_ expected: String) throws(PickleError) -> Int {
        skipSpace()
        guard position < bytes.count else { throw failure(expected) }
        return position
    }

    mutating func skipByte() { position += 1 }

    /// Moves behind a character, white space before it aside, if it is the next one.
    mutating func take(_ character: UInt8) throws(PickleError) -> Bool {
        guard bytes[try next("more")] == character else { return false }
        position += 1
        return true
    }

    mutating func expect(_ character: UInt8, _ expected: String) throws(PickleError) {
        guard bytes[try next(expected)] == character else { throw failure(expected) }
        position += 1
    }

    /// Checks that nothing but white space is left.
    mutating func expectEnd() throws(PickleError) {
        skipSpace()
        guard position == bytes.count else { throw failure("the end") }
    }

    /// Moves behind the string that begins here, whose escapes aren't checked.
    mutating func skipString() throws(PickleError) {
        position += 1
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                return
            case UInt8(ascii: "\\"): position += 2
            case 0..<0x20: throw failure("a character of a string")
            default: position += 1
            }
        }
        position = bytes.count
        throw failure("the end of a string")
    }

    /// Moves behind the number or word that begins here.
    mutating func skipPlain() throws(PickleError) {
        let start = position
        while position < bytes.count, Self.isPlain(bytes[position]) { position += 1 }
        guard position > start else { throw failure("a value") }
        guard position - start <= Self.longestPlain, Self.isSound(bytes[start..<position]) else {
            position = start
            throw failure("a number or a word of JSON")
        }
    }

    /// The longest number is that of an integer that nobody needs.
    private static let longestPlain = 400

    /// Whether a character may be part of a number or word.
    static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private static func isSound(_ bytes: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        if ["true", "false", "null", "NaN", "Infinity", "-Infinity"].contains(text) { return true }
        // Words that `Double` reads, too.
        return !bytes.contains { "xXpPnNiI".utf8.contains($0) } && Double(text) != nil
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
    }

    /// An error at the current position.
    func failure(_ expected: String) -> PickleError {
        let found =
            position < bytes.count
            ? 0x20..<0x7F ~= bytes[position] ? "'\(Unicode.Scalar(bytes[position]))'" : "the byte \(bytes[position])"
            : "the end of the text"
        return PickleError(offset: position, reason: .unexpected(found: found, expected: expected))
    }

    // MARK: Strings

    /// The string that begins at a place, decoded; nil if an escape is wrong or the text is not Unicode's.
    ///
    /// - Precondition: `skipString` has passed it.
    static func decodedString(in bytes: [UInt8], at start: Int) -> String? {
        var units: [UInt8] = []
        var position = start + 1
        while bytes[position] != UInt8(ascii: "\"") {
            guard bytes[position] == UInt8(ascii: "\\") else {
                units.append(bytes[position])
                position += 1
                continue
            }
            position += 1
            switch bytes[position] {
            case UInt8(ascii: "u"):
                guard let scalar = scalar(in: bytes, at: &position) else { return nil }
                units += Array(String(Character(scalar)).utf8)
                continue
            case UInt8(ascii: "b"): units.append(0x08)
            case UInt8(ascii: "f"): units.append(0x0C)
            case UInt8(ascii: "n"): units.append(0x0A)
            case UInt8(ascii: "r"): units.append(0x0D)
            case UInt8(ascii: "t"): units.append(0x09)
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(bytes[position])
            default: return nil
            }
            position += 1
        }
        return String(validating: units, as: UTF8.self)
    }

    /// The character of the escape at a place, or of two that are a pair of surrogates.
    private static func scalar(in bytes: [UInt8], at position: inout Int) -> Unicode.Scalar? {
        guard let first = unit(in: bytes, at: position) else { return nil }
        position += 5
        guard 0xD800..<0xDC00 ~= first else { return Unicode.Scalar(first) }
        guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            let second = unit(in: bytes, at: position + 1), 0xDC00..<0xE000 ~= second
        else { return nil }
        position += 6
        return Unicode.Scalar(0x1_0000 + (first - 0xD800) << 10 + (second - 0xDC00))
    }

    /// The number of `uXXXX` at a place.
    private static func unit(in bytes: [UInt8], at position: Int) -> UInt32? {
        guard position + 5 <= bytes.count, bytes[position] == UInt8(ascii: "u") else { return nil }
        var unit: UInt32 = 0
        for byte in bytes[position + 1..<position + 5] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }
}
