import Decompression
import TestSupport
import Testing

@Suite("Zip archives")
struct ZipArchiveTests {
    private typealias Member = ZipAssembler.Member

    private static let text = Array(String(repeating: "member ", count: 300).utf8)

    private func failure(_ assembler: ZipAssembler, limit: Int = 1 << 20) -> ZipError? {
        #expect(throws: ZipError.self) { try ZipArchive(assembler.bytes, limit: limit) }
    }

    /// The error of the member `a`'s content.
    private func contentFailure(_ member: Member) -> ZipError? {
        #expect(throws: ZipError.self) {
            try ZipArchive(ZipAssembler([member]).bytes, limit: 1 << 20).content(of: "a")
        }
    }

    private func reason(_ change: (inout Member) -> Void) -> ZipError.Reason? {
        var member = Member("a", Self.text, compression: 8)
        change(&member)
        return failure(ZipAssembler([Member("first", [1]), member, Member("last", [2])]))?.reason
    }

    @Test("Members of every compression that Python offers without a package of its own, but lzma")
    func contents() throws {
        let members = [Member("a", Self.text), Member("b", Self.text, compression: 8), Member("c", [], compression: 8)]
        let archive = try ZipArchive(
            ZipAssembler(members + [Member("größer", Self.text, compression: 12)]).bytes, limit: 10_000)
        #expect(archive.count == 4 && archive.contains("c") && !archive.contains("d"))
        for name in ["a", "b", "größer"] { #expect(try archive.content(of: name) == Self.text) }
        #expect(try archive.content(of: "c") == [])
        #expect(throws: ZipError(offset: 0, reason: .noMember(name: "d"))) { try archive.content(of: "d") }
    }

    @Test("64-bit fields in a member's own header, as numpy writes them")
    func numpy() throws {
        var member = Member("a", Self.text)
        member.localSize = .max
        member.localExtra = [1, 0, 16, 0] + [2100, 2100].flatMap { ZipAssembler.field(UInt64($0)) }
        #expect(try ZipArchive(ZipAssembler([member]).bytes, limit: 10_000).content(of: "a") == Self.text)
        member.localExtra[4] ^= 1
        #expect(failure(ZipAssembler([member]))?.reason == .disagreement(name: "a"))
        member.localExtra = []
        #expect(failure(ZipAssembler([member]))?.reason == .disagreement(name: "a"))
    }

    @Test("A file that doesn't end like an archive")
    func end() {
        let sound = ZipAssembler([Member("a", Self.text)])
        for bytes in [[], Array(sound.bytes.dropLast()), sound.bytes + [0], Array("PK\u{3}\u{4}".utf8)] as [[UInt8]] {
            let error = #expect(throws: ZipError.self) { try ZipArchive(bytes, limit: 1 << 20) }
            #expect(error?.reason == .noEnd)
        }
        var assembler = sound
        assembler.comment = [1, 2]
        #expect(failure(assembler)?.reason == .noEnd)
    }

    @Test("The archive's end says where the directory is, and nothing else")
    func directory() {
        let changes: [(inout ZipAssembler) -> Void] = [
            { $0.count = 2 }, { $0.count = 0 }, { $0.directorySize = 0 }, { $0.directorySize = 1 << 30 },
            { $0.directoryOffset = 0 }, { $0.directoryOffset = 1 << 31 }, { $0.secondGap = [0] },
        ]
        for change in changes {
            var assembler = ZipAssembler([Member("a", Self.text)])
            change(&assembler)
            #expect(failure(assembler)?.reason == .wrongDirectory)
        }
        #expect(failure(ZipAssembler([]))?.reason == .wrongDirectory)
    }

    @Test("64-bit archives and archives in parts")
    func otherArchives() {
        let changes: [(inout ZipAssembler) -> Void] = [
            { $0.count = .max }, { $0.directorySize = .max }, { $0.directoryOffset = .max }, { $0.disk = 1 },
        ]
        for change in changes {
            var assembler = ZipAssembler([Member("a", Self.text)])
            change(&assembler)
            guard case .unsupportedArchive = failure(assembler)?.reason else {
                Issue.record("not refused")
                continue
            }
        }
    }

    @Test("Members that Python doesn't write")
    func otherMembers() {
        #expect(reason { $0.flags = 1 } == .unsupportedMember(name: "a", "encryption"))
        #expect(reason { $0.flags = 8 } == .unsupportedMember(name: "a", "its size behind its content"))
        #expect(reason { $0.flags = 0x8000 } == .unsupportedMember(name: "a", "unknown flags"))
        #expect(reason { $0.compression = 14 } == .unsupportedMember(name: "a", "compression of the kind 14"))
        #expect(reason { $0.size = .max } == .unsupportedMember(name: "a", "64-bit sizes"))
        #expect(reason { $0.header = .max } == .unsupportedMember(name: "a", "64-bit sizes"))
        let name = String(repeating: "a", count: 257)
        #expect(reason { $0.name = name } != nil && reason { $0.name = "" } != nil)
    }

    @Test("A member's own header must say the same as the directory")
    func disagreement() {
        #expect(reason { $0.localName = "b" } == .disagreement(name: "a"))
        #expect(reason { $0.localSize = 1 } == .disagreement(name: "a"))
        #expect(reason { $0.localFlags = 1 } == .unsupportedMember(name: "a", "encryption"))
    }

    @Test("Overlapping members, as in bombs whose members share their content")
    func overlaps() {
        #expect(reason { $0.header = 0 } == .overlap(name: "first") || reason { $0.header = 0 } == .overlap(name: "a"))
        #expect(reason { $0.compressedSize += 1 } == .overlap(name: "a"))
        #expect(reason { $0.compressedSize = 1 << 30 } == .overlap(name: "a"))
        #expect(reason { $0.header = 1 << 30 } == .overlap(name: "a"))
        // The last one reaches into the directory.
        var member = Member("a", Self.text)
        member.compressedSize += 1
        member.size += 1
        #expect(failure(ZipAssembler([member]))?.reason == .overlap(name: "a"))
    }

    @Test("Two members of one name")
    func duplicates() {
        let error = failure(ZipAssembler([Member("a", [1]), Member("b", []), Member("a", [2])]))
        #expect(error?.reason == .duplicate(name: "a"))
    }

    @Test("More than the limit in all members together")
    func limit() {
        let members = (0..<10).map { Member("\($0)", [UInt8](repeating: 0, count: 1_000), compression: 8) }
        #expect(throws: Never.self) { try ZipArchive(ZipAssembler(members).bytes, limit: 10_000) }
        #expect(failure(ZipAssembler(members), limit: 9_999)?.reason == .tooLarge(limit: 9_999))
    }

    @Test("A content that is not as large as the directory says, or not the same", arguments: [0, 8, 12] as [UInt16])
    func contents(compression: UInt16) {
        let sound = Member("a", Self.text, compression: compression)
        var member = sound
        member.size -= 1
        #expect(contentFailure(member)?.reason == .wrongSize(name: "a"))
        member = sound
        member.size += 1
        #expect(contentFailure(member)?.reason == .wrongSize(name: "a"))
        member = sound
        member.checksum ^= 1
        #expect(contentFailure(member)?.reason == .wrongChecksum(name: "a"))
        guard compression != 0 else { return }
        member = sound
        member.compressed.removeLast()
        member.compressedSize -= 1
        #expect(contentFailure(member)?.reason == .damaged(name: "a", .truncated))
        member = sound
        member.compressed.append(0)
        member.compressedSize += 1
        #expect(contentFailure(member)?.reason == .damaged(name: "a", .trailingBytes(1)))
    }

    @Test("Random damage is refused with a place, or passes", arguments: 0..<4 as Range<UInt64>)
    func damage(share: UInt64) {
        let members = [
            Member("a", Self.text), Member("b", Self.text, compression: 8), Member("c", [1], compression: 12),
        ]
        let sound = ZipAssembler(members).bytes
        for number in 0..<2_000 as Range<UInt64> {
            var random = SplitMix(seed: share << 32 | number)
            var bytes = sound
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                // Half of the damage to the directory.
                let directory = bytes.index(bytes.endIndex, offsetBy: -min(200, bytes.count))
                let place = Int.random(
                    in: Bool.random(using: &random) ? bytes.indices : directory..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: bytes[place] = [0, 0xFF, 0x7F, 0x80].randomElement(using: &random)!
                case 2: bytes.remove(at: place)
                default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
                }
            }
            do {
                let archive = try ZipArchive(bytes, limit: 1 << 20)
                for name in ["a", "b", "c"] where archive.contains(name) { _ = try archive.content(of: name) }
            } catch {
                #expect((0...bytes.count).contains(error.offset), "\(number): \(error)")
                #expect(error.description.utf8.count < 500)
            }
        }
    }
}
