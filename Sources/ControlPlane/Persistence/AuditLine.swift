/// A line of the audit log as it is written: the entry, with its place in the chain.
struct AuditLine: Encodable {
    var entry: AuditEntry
    /// The chain's end before this line.
    var previous: AuditHead

    private enum CodingKeys: String, CodingKey {
        case line
        case previousSha256
    }

    var number: UInt64 { previous.line + 1 }

    func encode(to encoder: any Encoder) throws {
        try entry.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(number, forKey: .line)
        try container.encode(previous.hash, forKey: .previousSha256)
    }
}

/// What makes a line of the audit log a link of the chain; lines from before there was one have neither number nor hash.
struct AuditLink: Decodable, Equatable {
    var line: UInt64?
    var previousSha256: String?
    var time: String?

    /// - Returns: `nil` if the line isn't a JSON object.
    static func read(_ bytes: some Sequence<UInt8>) -> AuditLink? {
        guard let link = try? JSONCoding.decode(AuditLink.self, from: Array(bytes)),
            link.line.map(SequenceNumber.known.contains) ?? true
        else { return nil }
        return link
    }
}
