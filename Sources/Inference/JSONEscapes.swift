/// The escape sequences in a JSON string (RFC 8259, section 7).
enum JSONEscapes {
    /// The string with what its escape sequences stand for.
    ///
    /// - Parameter raw: with valid escape sequences.
    /// - Returns: nil if a sequence stands for half of a surrogate pair.
    static func replaced(in raw: String) -> String? {
        var text: [UInt8] = []
        var rest = raw.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            switch rest.removeFirst() {
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0C)
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "r"): text.append(0x0D)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "u"):
                guard let scalar = scalar(&rest) else { return nil }
                text.append(contentsOf: Character(scalar).utf8)
            case let other: text.append(other)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The scalar of a `\u` sequence, or of two that are a surrogate pair (RFC 8259, section 7).
    private static func scalar(_ rest: inout Substring.UTF8View) -> Unicode.Scalar? {
        let first = codeUnit(&rest)
        guard UTF16.isLeadSurrogate(first) else { return Unicode.Scalar(first) }
        guard rest.starts(with: "\\u".utf8) else { return nil }
        rest.removeFirst(2)
        let second = codeUnit(&rest)
        guard UTF16.isTrailSurrogate(second) else { return nil }
        let offset = UInt32(first & 0x3FF) << 10 | UInt32(second & 0x3FF)
        return Unicode.Scalar(0x10000 + offset)
    }

    private static func codeUnit(_ rest: inout Substring.UTF8View) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            // `escape` has let nothing pass but four hexadecimal digits.
            let digit = Character(Unicode.Scalar(rest.removeFirst())).hexDigitValue!
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }
}
