/// What the end of an audit log says about its chain.
struct AuditTail: Equatable {
    /// The hash of the last line, which may be cut short; `nil` for an empty log.
    var hash: String?
    /// The number of the last line that has one; `nil` if none of the lines that were looked at has.
    var line: UInt64?
    /// Whether the log ends in the middle of a line.
    var isCut: Bool

    /// - Parameters:
    ///   - bytes: the log's end.
    ///   - isWhole: whether it is the whole log.
    /// - Returns: `nil` if the last line begins before these bytes.
    init?(_ bytes: some BidirectionalCollection<UInt8>, isWhole: Bool) {
        guard let last = bytes.last else {
            self.init(hash: nil, line: nil, isCut: false)
            return
        }
        let newline = UInt8(ascii: "\n")
        let lines = bytes.split(separator: newline, omittingEmptySubsequences: false)
        let isCut = last != newline
        // What follows the last newline is a line only if there is something.
        let whole = isCut ? lines[...] : lines.dropLast()
        guard isWhole || whole.count > 1, let end = whole.last else { return nil }
        // The first one may have its beginning elsewhere.
        let readable = isWhole ? whole : whole.dropFirst()
        let number = readable.reversed().lazy.compactMap { AuditLink.read($0)?.line }.first
        self.init(hash: AuditHead.hash(end), line: number, isCut: isCut)
    }

    private init(hash: String?, line: UInt64?, isCut: Bool) {
        self.hash = hash
        self.line = line
        self.isCut = isCut
    }
}
