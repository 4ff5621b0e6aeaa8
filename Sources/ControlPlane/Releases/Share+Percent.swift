import DataPlane

/// Shares as people write them: `5%`, `0.1%`, `12.25%`.
extension Share {
    /// Reads a percentage with at most two decimals, from 0.01% to 100%; `nil` for anything else.
    package init?(percent text: some StringProtocol) {
        guard text.hasSuffix("%") else { return nil }
        let parts = text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }),
            (1...3).contains(parts[0].utf8.count), let whole = Int(parts[0])
        else { return nil }
        var hundredths = 0
        if parts.count == 2 {
            guard (1...2).contains(parts[1].utf8.count), let digits = Int(parts[1]) else { return nil }
            hundredths = parts[1].utf8.count == 1 ? digits * 10 : digits
        }
        let all = whole * 100 + hundredths
        guard (1...Int(Share.whole)).contains(all) else { return nil }
        self.init(parts: UInt16(all))
    }

    /// As `init(percent:)`, with `0%` for nothing.
    package init?(percentOrNone text: String) {
        if text == "0%" { self = .none } else { self.init(percent: text) }
    }

    /// The share in percent, without zeros at the end.
    package var percent: String {
        let (whole, rest) = parts.quotientAndRemainder(dividingBy: 100)
        if rest == 0 { return "\(whole)%" }
        return rest % 10 == 0 ? "\(whole).\(rest / 10)%" : "\(whole).\(rest < 10 ? "0" : "")\(rest)%"
    }
}
