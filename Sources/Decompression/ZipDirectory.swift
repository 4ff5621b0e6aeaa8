/// Reads a zip archive's directory and checks it against the members' own headers.
struct ZipDirectory {
    private let bytes: [UInt8]
    private let limit: Int
    private var position = 0

    /// The fixed parts of the three records, in bytes.
    private static let endLength = 22
    private static let entryLength = 46
    private static let headerLength = 30

    /// What the 16-bit and 32-bit fields hold if the value is among the 64-bit fields.
    private static let elsewhere16: UInt64 = 0xFFFF
    private static let elsewhere32: UInt64 = 0xFFFF_FFFF

    /// - Parameter limit: the most bytes that all members together may take.
    init(_ bytes: [UInt8], limit: Int) throws(ZipError) {
        self.bytes = bytes
        self.limit = limit
    }

    /// The members by name, each with the place of its content.
    mutating func members() throws(ZipError) -> [String: ZipArchive.Member] {
        let (count, directory) = try end()
        position = directory.lowerBound
        var members: [ZipArchive.Member] = []
        var size = 0
        for _ in 0..<count {
            guard directory.upperBound - position >= Self.entryLength else { throw failure(.wrongDirectory) }
            let member = try entry(until: directory.upperBound)
            let (sum, overflow) = size.addingReportingOverflow(member.size)
            guard !overflow, sum <= limit else { throw failure(.tooLarge(limit: limit), at: member.entry) }
            size = sum
            members.append(member)
        }
        guard position == directory.upperBound else { throw failure(.wrongDirectory) }

        members.sort { $0.header < $1.header }
        var byName: [String: ZipArchive.Member] = [:]
        for (index, var member) in members.enumerated() {
            let next = index + 1 < members.count ? members[index + 1].header : directory.lowerBound
            member.content = try content(of: member, until: min(next, directory.lowerBound))
            guard byName.updateValue(member, forKey: member.name) == nil else {
                throw failure(.duplicate(name: member.name), at: member.entry)
            }
        }
        return byName
    }

    /// The end of the central directory: the number of entries, and the directory's place, which is right before it.
    private func end() throws(ZipError) -> (count: Int, directory: Range<Int>) {
        let end = bytes.count - Self.endLength
        guard end >= 0, number(end, 4) == 0x0605_4B50, number(end + 20, 2) == 0 else {
            throw failure(.noEnd, at: max(0, end))
        }
        let (count, size, offset) = (number(end + 10, 2), number(end + 12, 4), number(end + 16, 4))
        guard count != Self.elsewhere16, size != Self.elsewhere32, offset != Self.elsewhere32 else {
            throw failure(.unsupportedArchive("64-bit sizes or more than 65,534 members"), at: end)
        }
        guard number(end + 4, 2) == 0, number(end + 6, 2) == 0, number(end + 8, 2) == count else {
            throw failure(.unsupportedArchive("several parts"), at: end)
        }
        guard Int(offset) + Int(size) == end, count > 0 else { throw failure(.wrongDirectory, at: end) }
        return (Int(count), Int(offset)..<end)
    }

    /// The directory's entry at the current position, which moves behind it.
    private mutating func entry(until end: Int) throws(ZipError) -> ZipArchive.Member {
        let entry = position
        guard number(entry, 4) == 0x0201_4B50 else { throw failure(.wrongDirectory) }
        let lengths = [28, 30, 32].map { Int(number(entry + $0, 2)) }
        let next = entry + Self.entryLength + lengths.reduce(0, +)
        guard next <= end else { throw failure(.wrongDirectory) }
        let start = entry + Self.entryLength
        let name = try name(start..<start + lengths[0])
        try checkFlags(number(entry + 8, 2), of: name, at: entry)
        guard let compression = ZipArchive.Compression(rawValue: number(entry + 10, 2)) else {
            throw failure(.unsupportedMember(name: name, "compression of the kind \(number(entry + 10, 2))"))
        }
        let (compressedSize, size, header) = (number(entry + 20, 4), number(entry + 24, 4), number(entry + 42, 4))
        guard ![compressedSize, size, header].contains(Self.elsewhere32) else {
            throw failure(.unsupportedMember(name: name, "64-bit sizes"))
        }
        guard number(entry + 34, 2) == 0 else { throw failure(.unsupportedMember(name: name, "another part's number")) }
        position = next
        return ZipArchive.Member(
            name: name, compression: compression, compressedSize: Int(compressedSize), size: Int(size),
            checksum: UInt32(number(entry + 16, 4)), header: Int(header), entry: entry)
    }

    /// Checks a member's own header, and that its content ends by `next`.
    private func content(of member: ZipArchive.Member, until next: Int) throws(ZipError) -> Range<Int> {
        let header = member.header
        guard header + Self.headerLength <= next else { throw failure(.overlap(name: member.name), at: member.entry) }
        let nameLength = Int(number(header + 26, 2))
        let extra = header + Self.headerLength + nameLength
        let start = extra + Int(number(header + 28, 2))
        guard start <= next, member.compressedSize <= next - start else {
            throw failure(.overlap(name: member.name), at: header)
        }
        guard number(header, 4) == 0x0403_4B50,
            bytes[header + Self.headerLength..<extra].elementsEqual(member.name.utf8),
            number(header + 8, 2) == member.compression.rawValue,
            number(header + 14, 4) == UInt64(member.checksum),
            sizes(header, extra: extra..<start) == [UInt64(member.size), UInt64(member.compressedSize)]
        else { throw failure(.disagreement(name: member.name), at: header) }
        try checkFlags(number(header + 6, 2), of: member.name, at: header)
        return start..<start + member.compressedSize
    }

    /// The size and the compressed size in a member's own header. numpy writes all members of `.npz` files with 64-bit
    /// fields, even though the directory does without.
    private func sizes(_ header: Int, extra: Range<Int>) -> [UInt64] {
        let sizes = [number(header + 22, 4), number(header + 18, 4)]
        // The field comes first: (1, its length, size, compressed size).
        guard sizes == [Self.elsewhere32, Self.elsewhere32], extra.count >= 20, number(extra.lowerBound, 2) == 1,
            number(extra.lowerBound + 2, 2) == 16
        else { return sizes }
        return [number(extra.lowerBound + 4, 8), number(extra.lowerBound + 12, 8)]
    }

    /// Refuses encryption (bit 0), sizes behind the content (bit 3), and what is not in use today; bits 1 and 2 tell how
    /// a compressor went about it, and bit 11 that names are in UTF-8.
    private func checkFlags(_ flags: UInt64, of name: String, at offset: Int) throws(ZipError) {
        guard flags & ~0x0806 != 0 else { return }
        let what = flags & 0x2041 != 0 ? "encryption" : flags & 8 != 0 ? "its size behind its content" : "unknown flags"
        throw failure(.unsupportedMember(name: name, what), at: offset)
    }

    private func name(_ place: Range<Int>) throws(ZipError) -> String {
        guard (1...Self.longestName).contains(place.count),
            let name = String(validating: bytes[place], as: UTF8.self)
        else { throw failure(.unsupportedMember(name: "?", "a name that is empty, too long, or not UTF-8")) }
        return name
    }

    private static let longestName = 256

    /// The number in the `width` bytes at a place, lowest byte first. The caller has checked that they are there.
    private func number(_ place: Int, _ width: Int) -> UInt64 {
        bytes[place..<place + width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private func failure(_ reason: ZipError.Reason, at offset: Int? = nil) -> ZipError {
        ZipError(offset: offset ?? position, reason: reason)
    }
}
