extension ChangeRequest.Condition {
    /// Reads an `If-Match` field: `*`, or epochs such as `7`, `"7"` or `"7", "8"`.
    ///
    /// `/status` and receipts give the epoch as `ETag`, in RFC 9110's quoted form of an entity tag; a bare number is
    /// what people type. Weak tags never match (RFC 9110 section 13.1.1) and are refused.
    ///
    /// - Parameter field: the field's value; `nil` if the request has no such field.
    init(ifMatch field: String?) throws(AdminError) {
        guard let field, field.trimmed != "*" else {
            self = .any
            return
        }
        var epochs: Set<UInt64> = []
        for part in field.split(separator: ",", omittingEmptySubsequences: false) {
            var tag = part.trimmed[...]
            if tag.count >= 2, tag.first == "\"", tag.last == "\"" { tag = tag.dropFirst().dropLast() }
            guard tag.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let epoch = UInt64(tag) else {
                throw .badRequest("If-Match is \(field); allowed: an epoch such as 7 or \"7\", several of them, or *")
            }
            epochs.insert(epoch)
        }
        self = .epochs(epochs)
    }
}

extension StringProtocol {
    /// The text without the spaces and tabs around it.
    fileprivate var trimmed: String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }
}
