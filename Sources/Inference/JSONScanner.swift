/// Reads JSON text (RFC 8259) token by token, for a parser that knows what it expects.
///
/// The only extension of the standard: the words `NaN`, `Infinity` and `-Infinity` count as numbers.
package struct JSONScanner {
    package enum Kind: Equatable {
        case object
        case array
        case string
        case number
        case boolean
        case null

        /// The kind with its article, for messages.
        package var description: String {
            switch self {
            case .object: "an object"
            case .array: "an array"
            case .string: "a string"
            case .number: "a number"
            case .boolean: "a boolean"
            case .null: "null"
            }
        }
    }

    private let bytes: [UInt8]
    /// Where the text ends: the index behind its last byte.
    private let end: Int
    private var position = 0

    package init(_ bytes: [UInt8]) {
        self.init(bytes, count: bytes.count)
    }

    /// - Parameter count: how many of the bytes belong to the text; the others are not looked at.
    package init(_ bytes: [UInt8], count: Int) {
        precondition(0...bytes.count ~= count)
        self.bytes = bytes
        end = count
    }

    // MARK: Structure

    /// The kind of the next value, judged by its first character.
    package mutating func kind() throws(RequestError) -> Kind {
        skipSpace()
        guard let byte = peek() else { throw failure("a value is missing at the end") }
        switch byte {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "N"), UInt8(ascii: "I"):
            return .number
        default: throw failure("a value can't begin with \(Self.display(byte))")
        }
    }

    /// Reads an opening bracket.
    package mutating func enter(_ bracket: Unicode.Scalar) throws(RequestError) {
        try expect(bracket)
    }

    /// Moves to the next element or member; reads the comma before it, or the closing bracket if there is none.
    ///
    /// - Parameter isFirst: True before the first element, which has no comma.
    package mutating func next(before bracket: Unicode.Scalar, isFirst: inout Bool) throws(RequestError) -> Bool {
        skipSpace()
        if peek() == UInt8(ascii: bracket) {
            position += 1
            return false
        }
        if !isFirst { try expect(",") }
        isFirst = false
        return true
    }

    /// Reads one character, skipping white space before it.
    package mutating func expect(_ character: Unicode.Scalar) throws(RequestError) {
        skipSpace()
        guard let byte = peek() else { throw failure("it ends where '\(character)' is expected") }
        guard byte == UInt8(ascii: character) else {
            throw failure("found \(Self.display(byte)) where '\(character)' is expected")
        }
        position += 1
    }

    /// Checks that nothing but white space is left.
    package mutating func expectEnd() throws(RequestError) {
        skipSpace()
        if let byte = peek() { throw failure("found \(Self.display(byte)) behind the end") }
    }

    // MARK: Values

    /// Reads a number. One too large for a double becomes infinity, as IEEE 754 rounds it.
    package mutating func number() throws(RequestError) -> Double {
        skipSpace()
        let start = position
        let isNegative = take("-")
        if peek() == UInt8(ascii: "I") {
            try word("Infinity")
            return isNegative ? -.infinity : .infinity
        }
        if peek() == UInt8(ascii: "N"), !isNegative {
            try word("NaN")
            return .nan
        }
        var significand: UInt64 = 0
        var digitCount = 0
        if take("0") {
            if let byte = peek(), Self.isDigit(byte) { throw failure("a number can't begin with 0") }
        } else {
            digitCount += try digits(&significand)
        }
        var fractionDigits = 0
        if take(".") { fractionDigits = try digits(&significand) }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            _ = try digits(&significand)
        } else if digitCount + fractionDigits <= Self.exactPowersOfTen.count - 1 {
            // Both the digits and the power of ten are doubles without loss, so that a single rounding gives the nearest
            // double (Clinger, "How to read floating point numbers accurately", 1990).
            let magnitude = Double(significand) / Self.exactPowersOfTen[fractionDigits]
            return isNegative ? -magnitude : magnitude
        }
        // The initializer accepts everything that the grammar above accepts.
        return Double(String(decoding: bytes[start..<position], as: UTF8.self))!
    }

    /// A double holds any fifteen digits, and each of these powers.
    private static let exactPowersOfTen: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ]

    /// Reads `true` or `false`.
    package mutating func boolean() throws(RequestError) -> Bool {
        skipSpace()
        let isTrue = peek() == UInt8(ascii: "t")
        try word(isTrue ? "true" : "false")
        return isTrue
    }

    /// Reads `null`.
    package mutating func null() throws(RequestError) {
        skipSpace()
        try word("null")
    }

    /// Reads a string, its escape sequences replaced by what they stand for.
    package mutating func text() throws(RequestError) -> String {
        let raw = try string()
        guard raw.utf8.contains(UInt8(ascii: "\\")) else { return raw }
        guard let text = JSONEscapes.replaced(in: raw) else {
            throw failure("half of a surrogate pair is missing in a string")
        }
        return text
    }

    /// Reads a string. Escape sequences are kept as they are in the text: the names that matter here have none.
    package mutating func string() throws(RequestError) -> String {
        try expect("\"")
        let start = position
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: bytes[start..<position], as: UTF8.self) else {
                    throw .malformed(offset: start, reason: "the string is not valid UTF-8")
                }
                position += 1
                return text
            case UInt8(ascii: "\\"):
                position += 1
                try escape()
            case 0..<0x20:
                throw failure("a string can't contain the control character \(Self.display(byte))")
            default:
                position += 1
            }
        }
        throw failure("it ends inside a string")
    }

    /// Skips a value of any kind.
    package mutating func skipValue(depth: Int = 0) throws(RequestError) {
        guard depth < Self.deepestNesting else { throw failure("nested more than \(Self.deepestNesting) deep") }
        switch try kind() {
        case .string: _ = try string()
        case .number: _ = try number()
        case .boolean: try word(peek() == UInt8(ascii: "t") ? "true" : "false")
        case .null: try word("null")
        case .array:
            try enter("[")
            var isFirst = true
            while try next(before: "]", isFirst: &isFirst) { try skipValue(depth: depth + 1) }
        case .object:
            try enter("{")
            var isFirst = true
            while try next(before: "}", isFirst: &isFirst) {
                _ = try string()
                try expect(":")
                try skipValue(depth: depth + 1)
            }
        }
    }

    private static let deepestNesting = 64

    // MARK: Characters

    private func peek() -> UInt8? {
        position < end ? bytes[position] : nil
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// Reads digits behind those of a number that are read already; what doesn't fit into the number is lost.
    ///
    /// - Returns: how many there are; at least one.
    private mutating func digits(_ number: inout UInt64) throws(RequestError) -> Int {
        let start = position
        var place = position
        while place < end {
            let digit = bytes[place] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            number = number &* 10 &+ UInt64(digit)
            place += 1
        }
        position = place
        guard place > start else { throw failure("a digit is missing in a number") }
        return place - start
    }

    private mutating func word(_ word: StaticString) throws(RequestError) {
        let length = word.utf8CodeUnitCount
        let expected = unsafe UnsafeBufferPointer(start: word.utf8Start, count: length)
        guard unsafe bytes[position..<end].starts(with: expected) else { throw failure("'\(word)' is expected") }
        position += length
    }

    private mutating func escape() throws(RequestError) {
        switch peek() {
        case UInt8(ascii: "u"):
            position += 1
            for _ in 0..<4 {
                guard let byte = peek(), Character(Unicode.Scalar(byte)).isHexDigit else {
                    throw failure("a hexadecimal digit is missing in an escape")
                }
                position += 1
            }
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 1
        default:
            throw failure("there is no such escape")
        }
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
    }

    private static func display(_ byte: UInt8) -> String {
        0x20..<0x7F ~= byte ? "'\(Unicode.Scalar(byte))'" : "the byte \(byte)"
    }

    private func failure(_ reason: String) -> RequestError {
        .malformed(offset: position, reason: reason)
    }
}
