/// A zip archive whose directory has been checked: every member lies in a place of its own, and all of them together are
/// not too large.
///
/// It reads what Python's `zipfile` writes into a file: members that are stored, deflated, or compressed with bzip2, and
/// nothing that only other programs write (64-bit sizes, encryption, comments, sizes behind the content). Whatever could
/// be understood in two ways is refused.
///
/// Source: PKWARE, APPNOTE.TXT 6.3.10.
package struct ZipArchive: Sendable {
    /// A member, as the directory has it.
    struct Member: Sendable {
        let name: String
        let compression: Compression
        /// Sizes in bytes.
        let compressedSize: Int
        let size: Int
        let checksum: UInt32
        /// Offset of the member's own header.
        let header: Int
        /// Offset of the directory's entry.
        let entry: Int
        /// The member's place in the archive without its header.
        var content: Range<Int> = 0..<0
    }

    /// How a member is compressed. The raw value is the format's number for it.
    enum Compression: UInt64, Sendable {
        case stored = 0
        case deflated = 8
        case bzip2 = 12
    }

    private let bytes: [UInt8]
    private let members: [String: Member]

    /// Whether a file begins like a zip archive that is not empty.
    package static func began(_ bytes: [UInt8]) -> Bool { bytes.starts(with: Array("PK".utf8) + [3, 4]) }

    /// Reads and checks the directory and each member's header.
    ///
    /// - Parameter limit: the most bytes that all members together may take.
    /// - Throws: ``ZipError`` with the offset of what is wrong.
    package init(_ bytes: [UInt8], limit: Int) throws(ZipError) {
        var directory = try ZipDirectory(bytes, limit: limit)
        members = try directory.members()
        self.bytes = bytes
    }

    /// The number of members.
    package var count: Int { members.count }

    /// The size of all members' contents together, in bytes.
    package var size: Int { members.values.reduce(0) { $0 + $1.size } }

    /// Whether there is a member of that name.
    package func contains(_ name: String) -> Bool { members[name] != nil }

    /// A member's content.
    ///
    /// It takes memory for twice the size that the directory states at most.
    ///
    /// - Throws: ``ZipError`` if there is no such member, or its content is not what the directory says.
    package func content(of name: String) throws(ZipError) -> [UInt8] {
        guard let member = members[name] else { throw ZipError(offset: 0, reason: .noMember(name: name)) }
        let compressed = bytes[member.content]
        let content: [UInt8]
        switch member.compression {
        case .stored: content = Array(compressed)
        case .deflated: content = try Self.unfold(compressed, ZlibStream(.raw), member)
        case .bzip2: content = try Self.unfold(compressed, Bzip2Stream(), member)
        }
        guard content.count == member.size else {
            throw ZipError(offset: member.header, reason: .wrongSize(name: name))
        }
        guard Checksum.crc32(content) == member.checksum else {
            throw ZipError(offset: member.header, reason: .wrongChecksum(name: name))
        }
        return content
    }

    private static func unfold(
        _ bytes: ArraySlice<UInt8>, _ stream: any DecompressionStream, _ member: Member
    ) throws(ZipError) -> [UInt8] {
        do {
            return try Decompression.unfold(bytes, with: stream, limit: member.size)
        } catch {
            let place = member.content.lowerBound + error.offset
            if case .tooLarge = error.reason {
                throw ZipError(offset: place, reason: .wrongSize(name: member.name))
            }
            throw ZipError(offset: place, reason: .damaged(name: member.name, error.reason))
        }
    }
}
