import HTTP2
import TestSupport

import Testing

@Suite struct HPACKEncoderTests {
    /// The fields that a gRPC client sends with every call.
    private static let request = [
        TestField(":method", "POST"), TestField(":scheme", "http"), TestField(":path", "/echo.Echo/Unary"),
        TestField(":authority", "localhost:50050"), TestField("te", "trailers"),
        TestField("content-type", "application/grpc"), TestField("user-agent", "grpc-c++/1.60.0"),
        TestField("x-tenant", "a"),
    ]

    @Test func repeatedListsBecomeNumbers() throws {
        var encoder = HPACKEncoder(role: .server)
        let inflater = Inflater()
        var sizes: [Int] = []
        for _ in 0..<4 {
            let block = encoder.encode(Self.request)
            sizes.append(block.count)
            #expect(try inflater.inflate(block) == Self.request)
        }
        #expect(sizes[2] == Self.request.count && sizes[3] == Self.request.count)
        #expect(sizes[0] > sizes[2] && sizes[1] > sizes[2])
    }

    @Test func fieldsThatComeOnceAreNotEntered() throws {
        var encoder = HPACKEncoder(role: .server)
        let inflater = Inflater()
        for _ in 0..<2 { _ = try inflater.inflate(encoder.encode(Self.request)) }
        let size = inflater.tableSize
        for call in 0..<500 {
            let list =
                Self.request + [TestField("trace", "\(call) of this test"), TestField("grpc-timeout", "\(call)u")]
            #expect(try inflater.inflate(encoder.encode(list)) == list)
        }
        #expect(inflater.tableSize == size)
        #expect(encoder.encode(Self.request).count == Self.request.count)
    }

    @Test func anAddedOrRemovedFieldMovesNoOther() throws {
        var encoder = HPACKEncoder(role: .server)
        let inflater = Inflater()
        for _ in 0..<3 { _ = try inflater.inflate(encoder.encode(Self.request)) }
        for index in Self.request.indices {
            var list = Self.request
            list.remove(at: index)
            let block = encoder.encode(list)
            #expect(block.count == list.count)
            #expect(try inflater.inflate(block) == list)
        }
    }

    @Test(arguments: [
        TestField("authorization", "Bearer of a long secret that is the same in every call"),
        TestField("cookie", "id=1"), TestField("x-secret", "12345", isSensitive: true),
        TestField(":method", "GET", isSensitive: true),
    ])
    func secretsAreNeverEntered(field: TestField) throws {
        var encoder = HPACKEncoder(role: .server)
        let inflater = Inflater()
        for _ in 0..<4 {
            let block = encoder.encode([field])
            // RFC 7541, section 6.2.3.
            #expect(block[0] & 0xf0 == 0x10)
            #expect(try inflater.inflate(block).map(\.value) == [field.value])
            #expect(inflater.tableSize == 0)
        }
    }

    @Test func longCookiesAreEntered() throws {
        var encoder = HPACKEncoder(role: .server)
        let cookie = [TestField("cookie", "session=0123456789abcdef")]
        for _ in 0..<2 { _ = encoder.encode(cookie) }
        #expect(encoder.encode(cookie).count == 1)
    }

    /// A literal with a name from the static table, compressed (RFC 7541, appendix C.6.1).
    @Test func compressesLikeTheExamples() {
        var encoder = HPACKEncoder(role: .server)
        let block = encoder.encode([TestField("location", "https://www.example.com")])
        #expect(
            block == [
                0x0f, 46 - 15, 0x91, 0x9d, 0x29, 0xad, 0x17, 0x18, 0x63, 0xc7, 0x8f, 0x0b, 0x97, 0xc8, 0xe9,
                0xae, 0x82, 0xae, 0x43, 0xd3,
            ])
    }

    @Test func stringsOfAllBytesComeThrough() throws {
        var encoder = HPACKEncoder(role: .server)
        let inflater = Inflater()
        let all = TestField(Array("x-bin".utf8), Array(UInt8.min...UInt8.max))
        for length in [0, 1, 7, 8, 9, 126, 127, 128, 254, 255, 256, 20_000] {
            let long = TestField(Array("x-long".utf8), [UInt8](repeating: 0xff, count: length))
            let short = TestField(Array("x-long".utf8), [UInt8](repeating: 0x61, count: length))
            #expect(try inflater.inflate(encoder.encode([all, long, short])) == [all, long, short])
        }
    }

    @Test func knowsEveryFieldOfTheStandard() throws {
        // Each index, compared with libnghttp2.
        for index in 1...61 {
            let field = try Inflater().inflate([0x80 | UInt8(index)])
            var encoder = HPACKEncoder(role: .server)
            let block = encoder.encode(field)
            guard field[0].value.isEmpty || field[0].name == Array("authorization".utf8) else {
                #expect(block == [0x80 | UInt8(index)])
                continue
            }
            #expect(try Inflater().inflate(block).map(\.name) == field.map(\.name))
            #expect(block.count <= 3)
        }
    }

    @Test func tooLargeFieldsAreNotEntered() throws {
        var encoder = HPACKEncoder(role: .server)
        let inflater = Inflater()
        let list = [TestField("a", String(repeating: "b", count: 3100))]
        for _ in 0..<3 { #expect(try inflater.inflate(encoder.encode(list)) == list) }
        #expect(inflater.tableSize == 0)
    }

    @Test(arguments: [[0x20], [0x3f, 0x00], [0x3f, 0xe1, 0x1f], [0x20, 0x3f, 0xe1, 0x1f]] as [[UInt8]])
    func takesInChangesOfTheTable(announcement: [UInt8]) throws {
        var encoder = HPACKEncoder(role: .server)
        let inflater = Inflater()
        for _ in 0..<3 { _ = try inflater.inflate(encoder.encode(Self.request)) }
        // Bytes after the change of size are not part of it.
        #expect(encoder.resizeTable(by: announcement + [0x12, 0xff]) == announcement.count)
        if announcement[0] == 0x20 { inflater.resize(to: 0) }
        inflater.resize(to: 4096)
        for round in 0..<4 {
            let block = encoder.encode(Self.request)
            #expect(try inflater.inflate(round == 0 ? announcement + block : block) == Self.request)
        }
    }

    /// Long conversations in which tables fill up, overflow and are resized: libnghttp2 decodes every list.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func anyConversationIsUnderstood(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        var encoder = HPACKEncoder(role: .server)
        let inflater = Inflater()
        let names = (0..<Int.random(in: 1...40, using: &random)).map { "name-\($0)" } + [":path", "content-type", "te"]
        let values = (0..<Int.random(in: 1...60, using: &random)).map {
            String(repeating: "v\($0)", count: Int.random(in: 0...80, using: &random))
        }
        for _ in 0..<300 {
            var announcement: [UInt8] = []
            if Int.random(in: 0..<20, using: &random) == 0 {
                let size = Int.random(in: 0...4096, using: &random)
                announcement = Self.announcement(of: size)
                inflater.resize(to: size)
                #expect(encoder.resizeTable(by: announcement) == announcement.count)
            }
            let list = (0..<Int.random(in: 0...25, using: &random)).map { _ in
                TestField(
                    names.randomElement(using: &random)!, values.randomElement(using: &random)!,
                    isSensitive: Int.random(in: 0..<10, using: &random) == 0)
            }
            #expect(try inflater.inflate(announcement + encoder.encode(list)).map(\.value) == list.map(\.value))
        }
    }

    /// RFC 7541, section 6.3.
    private static func announcement(of size: Int) -> [UInt8] {
        guard size >= 31 else { return [0x20 | UInt8(size)] }
        var (bytes, rest) = ([0x3f] as [UInt8], size - 31)
        while rest >= 128 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    // MARK: Lists that come again

    /// Forwards lists from a decoder that recognizes some of them.
    private final class Forwarder {
        private let pool = HeaderListPool()
        private var decoder = HPACKDecoder(role: .server, maxListSize: 16_384, maxFields: 100)
        private var encoder: HPACKEncoder

        init(_ role: Session.Role) { encoder = HPACKEncoder(role: role) }

        deinit {
            decoder.forget(pool)
            encoder.forget(pool)
        }

        func forward(_ block: [UInt8]) -> [UInt8] {
            let (list, _, outcome) = unsafe block.withUnsafeBytes { unsafe decoder.decode($0, from: pool) }
            #expect(outcome == .decoded)
            defer { pool.give(list) }
            return unsafe [UInt8](unsafeUninitializedCapacity: list.mostEncodedBytes) { buffer, count in
                count = unsafe encoder.encode(list, into: UnsafeMutableRawBufferPointer(buffer), pool)
            }
        }

        func resize(by announcement: [UInt8]) { _ = encoder.resizeTable(by: announcement) }
    }

    /// A few lists over and over in any order, among others that come once, while the tables change: the block must be
    /// right, whatever is remembered about a list.
    @Test(arguments: [Session.Role.client, .server], 0..<20)
    func listsThatComeAgainAreEncodedSoundly(role: Session.Role, seed: Int) throws {
        var random = FuzzCases.random(of: seed)
        let forwarder = Forwarder(role)
        let (inflater, settings) = (Inflater(), [4_096, 300, 0, 64])
        var client = HPACKEncoder(role: .client)
        let lists = (0..<6).map { number in
            Self.request.prefix(3 + number % 3) + [TestField("x-list", "\(number)")]
                + (number == 4 ? [TestField("authorization", "a secret", isSensitive: true)] : [])
        }
        for call in 0..<600 {
            var list = Array(lists[min(Int.random(in: 0..<8, using: &random), 5)])
            switch Int.random(in: 0..<60, using: &random) {
            case 0: list.append(TestField("x-rare", "\(call / 200)"))
            case 1: list.append(TestField("trace", "\(call)"))
            case 2:
                let size = settings.randomElement(using: &random)!
                inflater.resize(to: size)
                let announcement = Self.announcement(of: size)
                forwarder.resize(by: announcement)
                #expect(try inflater.inflate(announcement + forwarder.forward(client.encode(list))) == list)
                continue
            default: break
            }
            #expect(try inflater.inflate(forwarder.forward(client.encode(list))) == list)
        }
    }
}
