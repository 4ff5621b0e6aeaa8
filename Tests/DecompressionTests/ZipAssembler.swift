/// Assembles zip archives, valid or not. Every field can be set before the archive is put together.
struct ZipAssembler {
    struct Member {
        var name: String
        var content: [UInt8]
        var compression: UInt16 = 0
        var compressed: [UInt8]
        var flags: UInt16 = 0
        var checksum: UInt32
        var size: UInt32
        var compressedSize: UInt32
        /// The local header's place in the directory; nil for where it is.
        var header: UInt32?
        /// What the local header says instead.
        var localName: String?
        var localSize: UInt32?
        var localFlags: UInt16?
        var localExtra: [UInt8] = []

        init(_ name: String, _ content: [UInt8], compression: UInt16 = 0) {
            self.name = name
            self.content = content
            self.compression = compression
            compressed =
                switch compression {
                case 8: Compressing.deflate(content, bits: -15)
                case 12: Compressing.bzip2(content)
                default: content
                }
            checksum = Compressing.crc32(content)
            size = UInt32(content.count)
            compressedSize = UInt32(compressed.count)
        }
    }

    var members: [Member]
    /// What the archive's end says instead of the truth.
    var count: UInt16?
    var directorySize: UInt32?
    var directoryOffset: UInt32?
    var disk: UInt16 = 0
    var comment: [UInt8] = []
    /// Bytes between the last member and the directory, and behind the directory.
    var gap: [UInt8] = []
    var secondGap: [UInt8] = []

    init(_ members: [Member]) {
        self.members = members
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        var directory: [UInt8] = []
        for member in members {
            let header = UInt32(bytes.count)
            let localName = member.localName ?? member.name
            bytes += Self.field(0x0403_4B50 as UInt32) + Self.field(20 as UInt16)
            bytes += Self.field(member.localFlags ?? member.flags) + Self.field(member.compression)
            bytes += [UInt8](repeating: 0, count: 4) + Self.field(member.checksum)
            bytes += Self.field(member.localSize ?? member.compressedSize)
            bytes += Self.field(member.localSize ?? member.size)
            bytes += Self.field(UInt16(localName.utf8.count)) + Self.field(UInt16(member.localExtra.count))
            bytes += Array(localName.utf8) + member.localExtra + member.compressed

            directory += Self.field(0x0201_4B50 as UInt32) + Self.field(20 as UInt16) + Self.field(20 as UInt16)
            directory += Self.field(member.flags) + Self.field(member.compression)
            directory += [UInt8](repeating: 0, count: 4) + Self.field(member.checksum)
            directory += Self.field(member.compressedSize) + Self.field(member.size)
            directory += Self.field(UInt16(member.name.utf8.count)) + [UInt8](repeating: 0, count: 12)
            directory += Self.field(member.header ?? header) + Array(member.name.utf8)
        }
        bytes += gap
        let offset = UInt32(bytes.count)
        bytes += directory + secondGap
        bytes += Self.field(0x0605_4B50 as UInt32) + Self.field(disk) + Self.field(disk)
        bytes += Self.field(count ?? UInt16(members.count)) + Self.field(count ?? UInt16(members.count))
        bytes += Self.field(directorySize ?? UInt32(directory.count)) + Self.field(directoryOffset ?? offset)
        bytes += Self.field(UInt16(comment.count)) + comment
        return bytes
    }

    /// The bytes of a number, lowest first.
    static func field<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        unsafe withUnsafeBytes(of: number.littleEndian) { unsafe Array($0) }
    }
}
