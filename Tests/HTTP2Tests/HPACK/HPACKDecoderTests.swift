import HTTP2
import TestSupport
import Testing

/// The examples of the standard. SessionAgreementTests show that every block is decoded as libnghttp2 decodes it.
@Suite struct HPACKDecoderTests {
    /// The decoder of one direction of a connection.
    private struct Direction: ~Copyable {
        private var decoder: HPACKDecoder
        private let role: Session.Role

        init(to role: Session.Role, maxListSize: Int = 16_384, maxFields: Int = 100) {
            self.role = role
            decoder = HPACKDecoder(role: role, maxListSize: maxListSize, maxFields: maxFields)
        }

        mutating func decode(_ block: [UInt8]) -> (HPACKDecoder.Outcome, list: [String], isTruncated: Bool) {
            let list = HeaderList()
            var rules = HeaderRules(role: role)
            let outcome = unsafe block.withUnsafeBytes { unsafe decoder.decode($0, into: list, &rules) }
            return (outcome, list.list.map { "\($0.name): \($0.value)" }, list.isTruncated)
        }

        mutating func decode(hex: String) -> [String] {
            let digits = hex.filter { !$0.isWhitespace }
            let bytes = stride(from: 0, to: digits.count, by: 2).map { offset -> UInt8 in
                let start = digits.index(digits.startIndex, offsetBy: offset)
                return UInt8(digits[start...digits.index(after: start)], radix: 16)!
            }
            let (outcome, list, _) = decode(bytes)
            #expect(outcome == .decoded)
            return list
        }
    }

    /// RFC 7541, appendix C.3.
    @Test func requestsWithoutCompression() {
        var direction = Direction(to: .server)
        let common = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"]
        #expect(direction.decode(hex: "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d") == common)
        #expect(direction.decode(hex: "8286 84be 5808 6e6f 2d63 6163 6865") == common + ["cache-control: no-cache"])
        let third = direction.decode(
            hex: "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65")
        #expect(
            third == [
                ":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com",
                "custom-key: custom-value",
            ])
    }

    /// RFC 7541, appendix C.4.
    @Test func requestsWithCompression() {
        var direction = Direction(to: .server)
        let common = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"]
        #expect(direction.decode(hex: "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff") == common)
        #expect(direction.decode(hex: "8286 84be 5886 a8eb 1064 9cbf") == common + ["cache-control: no-cache"])
    }

    /// RFC 7541, appendix C.6, preceded by the change of table size that it assumes: entries are evicted.
    @Test func responsesThatFillTheTable() {
        var direction = Direction(to: .client)
        let first = direction.decode(
            hex: """
                3fe1 01
                4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718
                63c7 8f0b 97c8 e9ae 82ae 43d3
                """)
        let date = "date: Mon, 21 Oct 2013 20:13:21 GMT"
        let location = "location: https://www.example.com"
        #expect(first == [":status: 302", "cache-control: private", date, location])
        let second = direction.decode(hex: "4883 640e ffc1 c0bf")
        #expect(second == [":status: 307", "cache-control: private", date, location])
        // The first entry has been evicted for the second status.
        #expect(direction.decode([0x80 | 66]).0 == .broken)
    }

    @Test(
        arguments: [
            // An index of zero; one beyond the tables; a string longer than the block; an integer without an end, and
            // one of more than 32 bits.
            [0x80], [0xbe], [0x40, 0x01, 0x61, 0x02, 0x62], [0xff, 0x80], [0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            // A change of size after a field, and one beyond the announced size.
            [0x82, 0x20], [0x3f, 0xe2, 0x1f],
            // A Huffman string with EOS in it, with padding of zeros, and with a whole byte of padding.
            [0x00, 0x01, 0x61, 0x84, 0xff, 0xff, 0xff, 0xff], [0x00, 0x01, 0x61, 0x81, 0x18],
            [0x00, 0x01, 0x61, 0x82, 0x1f, 0xff],
        ] as [[UInt8]])
    func takesNoBrokenBlock(block: [UInt8]) {
        var direction = Direction(to: .server)
        #expect(direction.decode(block).0 == .broken)
    }

    /// Fields that aren't kept are counted, and still enter the table.
    @Test func keepsToTheLimits() {
        var direction = Direction(to: .server, maxListSize: 200, maxFields: 10)
        let field: [UInt8] = [0x40, 1, 0x61, 50] + [UInt8](repeating: 0x62, count: 50)
        let (outcome, list, isTruncated) = direction.decode(field + [0xbe, 0xbe, 0xbe])
        #expect(outcome == .decoded && list.count == 2 && isTruncated)
        let bomb = direction.decode([UInt8](repeating: 0xbe, count: 10_000) + [0x40, 1, 0x63, 1, 0x64])
        #expect(bomb.0 == .decoded && bomb.list.count == 2 && bomb.isTruncated)
        #expect(direction.decode([0xbe]).list == ["c: d"])

        var fewer = Direction(to: .server, maxFields: 3)
        #expect(fewer.decode([UInt8](repeating: 0x90, count: 600)).list.count == 3)
    }

    /// A call's status is kept wherever it stands in the list; its message is kept as far as there is room.
    @Test func keepsTheStatusOfAListThatIsTooLong() {
        var encoder = HPACKEncoder(role: .server)
        let long = TestField("x", String(repeating: "v", count: 300))
        let message = String(repeating: "m", count: 1_022) + "%41 and more"
        let status = [TestField("grpc-status", "5"), TestField("grpc-message", message), TestField("grpc-status", "6")]
        for fields in [[long] + status + [long], status + [long], [long, long] + status] {
            var direction = Direction(to: .client, maxListSize: 200)
            let (outcome, list, isTruncated) = direction.decode(encoder.encode(fields))
            #expect(outcome == .decoded && isTruncated)
            #expect(list == ["grpc-status: 5", "grpc-message: " + String(repeating: "m", count: 1_022)])
            encoder = HPACKEncoder(role: .server)
        }
    }

    // MARK: Blocks that come in parts

    /// A block means the same wherever it is cut.
    @Test(arguments: 1...200) func cuttingABlockDoesNotChangeItsMeaning(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var whole = Direction(to: .server, maxListSize: 1_000, maxFields: 10)
        let parts = Connection(to: .server, maxListSize: 1_000, maxFields: 10)
        for _ in 0..<20 {
            let block = StrangeMessages.block(using: &random)
            let expected = whole.decode(block)
            let (outcome, list, isTruncated) = parts.decodeParts(block, using: &random)
            #expect(outcome == expected.0)
            guard outcome == .decoded else { return }
            #expect(list == expected.list && isTruncated == expected.isTruncated)
        }
    }

    /// While a field longer than any limit arrives it isn't kept; the fields after it are decoded.
    @Test(arguments: [false, true], [0x00, 0x40] as [UInt8])
    func skipsListsThatAreTooLong(isName: Bool, representation: UInt8) {
        var random = SplitMix(seed: 1)
        let connection = Connection(to: .client)
        _ = connection.decode([0x40, 1, 0x61, 1, 0x62])
        // 300,000 bytes of name or of value.
        let long: [UInt8] = [0x7f, 0xe1, 0xa6, 0x12] + [UInt8](repeating: 0x61, count: 300_000)
        let field = [representation] + (isName ? long + [1, 0x62] : [1, 0x61] + long)
        let block = [0x88] + field + [0x40, 1, 0x63, 1, 0x64]
        let (outcome, list, isTruncated) = connection.decodeParts(block, using: &random)
        #expect(outcome == .decoded && list == [":status: 200"] && isTruncated)
        #expect(connection.mostKept <= 2 * 16_384 && connection.excess.bytes > 280_000)
        // A field larger than the table empties it (RFC 7541, section 4.4).
        #expect(connection.decode([0xbe]).list == ["c: d"])
        #expect(connection.isBroken([0xbf]) == (representation == 0x40))
    }

    @Test func reportsTheExcess() {
        var random = SplitMix(seed: 2)
        let connection = Connection(to: .server, maxListSize: 2_000, maxFields: 100)
        _ = connection.decodeParts([UInt8](repeating: 0x90, count: 1_600), using: &random)
        #expect(connection.excess == HeaderExcess(bytes: 0, fields: 1_500))
        _ = connection.decodeParts([UInt8](repeating: 0x90, count: 2_600), using: &random)
        #expect(connection.excess == HeaderExcess(bytes: 600, fields: 1_500 + 2_500))
    }

    @Test func aBlockThatIsNotFinishedIsDropped() {
        let connection = Connection(to: .server)
        connection.begin([0x83, 0x40, 1, 0x61])
        connection.drop()
        #expect(connection.decode([0x83]).list == [":method: POST"])
    }

    // MARK: Lists that come again

    /// A connection that returns its lists, as a session does.
    private final class Connection {
        private let pool = HeaderListPool()
        private var decoder: HPACKDecoder
        private let role: Session.Role

        init(to role: Session.Role = .server, maxListSize: Int = 16_384, maxFields: Int = 100) {
            self.role = role
            decoder = HPACKDecoder(role: role, maxListSize: maxListSize, maxFields: maxFields)
        }

        deinit {
            decoder.drop(pool)
            decoder.forget(pool)
        }

        /// Most bytes kept of an incomplete field.
        private(set) var mostKept = 0
        private(set) var excess = HeaderExcess()

        func decodeParts(
            _ block: [UInt8], using random: inout SplitMix
        ) -> (HPACKDecoder.Outcome, list: [String], isTruncated: Bool) {
            var rest = block[...]
            while true {
                let part = Array(rest.prefix(.random(in: 0...max(8, min(16_384, block.count / 4)), using: &random)))
                rest = rest.dropFirst(part.count)
                let (decoded, more) = unsafe part.withUnsafeBytes {
                    unsafe decoder.decodePart($0, isLast: rest.isEmpty, from: pool)
                }
                mostKept = max(mostKept, decoder.keptBytes)
                excess = HeaderExcess(bytes: excess.bytes + more.bytes, fields: excess.fields + more.fields)
                guard let (list, _, outcome) = decoded else { continue }
                defer { pool.give(list) }
                return (outcome, list.list.map { "\($0.name): \($0.value)" }, list.isTruncated)
            }
        }

        func begin(_ block: [UInt8]) {
            let decoded = unsafe block.withUnsafeBytes { unsafe decoder.decodePart($0, isLast: false, from: pool).0 }
            #expect(decoded == nil)
        }

        func drop() { decoder.drop(pool) }

        /// - Returns: the list as text, whether it is sound, and the `HeaderList` itself.
        func decode(_ block: [UInt8]) -> (list: [String], isSound: Bool, block: HeaderList) {
            let (list, rules, outcome) = unsafe block.withUnsafeBytes { unsafe decoder.decode($0, from: pool) }
            #expect(outcome == .decoded)
            defer { pool.give(list) }
            return (
                list.list.map { "\($0.name): \($0.value)" }, !rules.isMalformed && !list.isTruncated, list
            )
        }

        func isBroken(_ block: [UInt8]) -> Bool {
            let (list, _, outcome) = unsafe block.withUnsafeBytes { unsafe decoder.decode($0, from: pool) }
            pool.give(list)
            return outcome == .broken
        }

        func change(_ block: [UInt8], _ change: (HeaderList) -> Void) -> [String] {
            let list = unsafe pool.own(block.withUnsafeBytes { unsafe decoder.decode($0, from: pool).0 })
            change(list)
            defer { pool.give(list) }
            return list.list.map { "\($0.name): \($0.value)" }
        }
    }

    /// A block that enters `x: <value>` into the table.
    private static func entering(_ value: Character) -> [UInt8] { [0x40, 1, UInt8(ascii: "x"), 1, value.asciiValue!] }

    /// A block of indexes: POST, and the table's newest entry.
    private static let numbers: [UInt8] = [0x83, 0xbe]

    @Test func aListThatComesAgainIsTheSameBlock() {
        let connection = Connection()
        _ = connection.decode(Self.entering("1"))
        let expected = [":method: POST", "x: 1"]
        let seen = (0..<5).map { _ in connection.decode(Self.numbers) }
        #expect(seen.allSatisfy { $0.list == expected })
        #expect(seen[2...].allSatisfy { $0.block == seen[2].block } && seen[0].block != seen[2].block)
    }

    @Test func theSameBytesMeanSomethingElseOnceTheTableHasChanged() {
        let connection = Connection()
        for value in "123" {
            _ = connection.decode(Self.entering(value))
            for _ in 0..<4 { #expect(connection.decode(Self.numbers).list == [":method: POST", "x: \(value)"]) }
        }
        // The table loses an entry, so the next index is beyond it.
        let second: [UInt8] = [0x83, 0xbf]
        for _ in 0..<4 { #expect(connection.decode(second).list == [":method: POST", "x: 2"]) }
        _ = connection.decode([0x3f, 34 - 31, 0x83])
        #expect(connection.decode(Self.numbers).list == [":method: POST", "x: 3"])
    }

    /// A change of size acts each time it comes: if a known block skipped it, the table would keep an entry too many.
    @Test func everyChangeOfTableSizeIsApplied() {
        let connection = Connection()
        let small: [UInt8] = [0x3f, 68 - 31, 0x83]
        let large: [UInt8] = [0x3f, 0xe1, 0x1f, 0x83]
        for _ in 0..<4 { _ = (connection.decode(small), connection.decode(large)) }
        _ = connection.decode(small)
        for value in "123" { _ = connection.decode(Self.entering(value)) }
        #expect(connection.decode([0xbe, 0xbf]).list == ["x: 3", "x: 2"])
        #expect(connection.isBroken([0xc0]))
    }

    /// A field that the table has no room for isn't entered, and is entered when it has.
    @Test func fieldsAreEnteredOnceThereIsRoom() {
        let connection = Connection()
        let list = [0x83] + Self.entering("1")
        _ = connection.decode([0x20, 0x83])
        for _ in 0..<4 { #expect(connection.decode(list).list == [":method: POST", "x: 1"]) }
        _ = connection.decode([0x3f, 0xe1, 0x1f, 0x83])
        #expect(connection.decode(list).list == [":method: POST", "x: 1"])
        #expect(connection.decode([0xbe]).list == ["x: 1"])
    }

    @Test func changingAListChangesACopy() {
        let connection = Connection()
        _ = connection.decode(Self.entering("1"))
        let expected = [":method: POST", "x: 1"]
        for _ in 0..<6 {
            let changed = connection.change(Self.numbers) {
                $0.removeAll(of: .method)
                $0.append("y", "2")
            }
            #expect(changed == ["x: 1", "y: 2"])
            #expect(connection.decode(Self.numbers).list == expected)
        }
    }

    @Test func malformedAndTruncatedListsAreNoticedEachTime() {
        let connection = Connection(maxListSize: 50)
        let broken: [UInt8] = [0x83, 0, 7] + Array("upgrade".utf8) + [1, UInt8(ascii: "x")]
        for _ in 0..<4 {
            for block in [broken, [0x83, 0x86]] {
                let (list, isSound, _) = connection.decode(block)
                #expect(list == [":method: POST"] && !isSound)
            }
        }
    }

    @Test func listsOutliveTheirConnection() {
        let pool = HeaderListPool()
        var decoder = HPACKDecoder(role: .server, maxListSize: 100, maxFields: 10)
        var lists: [HeaderList] = []
        for _ in 0..<4 { unsafe lists.append([0x83].withUnsafeBytes { unsafe decoder.decode($0, from: pool).0 }) }
        decoder.forget(pool)
        for list in lists {
            #expect(list.list.map(\.value) == ["POST"])
            pool.give(list)
        }
        let (fresh, other) = (pool.take(), pool.take())
        #expect(fresh.isEmpty && other.isEmpty && fresh != other)
    }
}
