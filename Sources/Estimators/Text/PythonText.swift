extension Unicode.Scalar {
    /// Whether it is `\w` to Python's regular expressions: a letter, a digit or numeral of any kind, or an underscore.
    var isPythonWord: Bool {
        if isASCII {
            switch self {
            case "a"..."z", "A"..."Z", "0"..."9", "_": return true
            default: return false
            }
        }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
        default: return properties.numericType != nil
        }
    }

    /// Whether it is `\s` to Python's regular expressions, and white to `str.split`.
    var isPythonSpace: Bool {
        switch value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }
}

extension String {
    /// What Python's `str.lower` makes of it, a sigma at the end of a word included.
    func pythonLowercased() -> String {
        var text = self
        let isASCII = text.withUTF8 { bytes in unsafe bytes.allSatisfy { $0 < 0x80 } }
        if isASCII { return text.lowercased() }
        let scalars = Array(unicodeScalars)
        var lower = ""
        lower.reserveCapacity(utf8.count)
        for (place, scalar) in scalars.enumerated() {
            if scalar == "\u{3A3}" {
                lower.unicodeScalars.append(Self.isFinalSigma(scalars, place) ? "\u{3C2}" : "\u{3C3}")
            } else {
                lower.unicodeScalars.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            }
        }
        return lower
    }

    /// Unicode's condition Final_Sigma: a cased letter comes before, and none after; what has no case doesn't count.
    private static func isFinalSigma(_ scalars: [Unicode.Scalar], _ place: Int) -> Bool {
        let before = scalars[..<place].last { !$0.properties.isCaseIgnorable }
        guard let before, before.properties.isCased else { return false }
        let after = scalars[(place + 1)...].first { !$0.properties.isCaseIgnorable }
        return !(after?.properties.isCased ?? false)
    }
}
