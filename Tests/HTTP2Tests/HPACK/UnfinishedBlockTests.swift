import HTTP2
import Testing

/// Blocks that come in parts, cut at chosen places; HPACKDecoderTests cut random blocks at random places.
@Suite struct UnfinishedBlockTests {
    private final class Connection {
        private let pool = HeaderListPool()
        private var decoder: HPACKDecoder

        init(maxListSize: Int = 16_384) {
            decoder = HPACKDecoder(role: .client, maxListSize: maxListSize, maxFields: 100)
        }

        deinit {
            decoder.drop(pool)
            decoder.forget(pool)
        }

        var keptBytes: Int { decoder.keptBytes }

        /// - Returns: the list as text; `nil` if the block is broken or not finished yet.
        @discardableResult
        func decode(_ part: some Collection<UInt8>, isLast: Bool = true) -> [String]? {
            let (decoded, _) = unsafe Array(part).withUnsafeBytes {
                unsafe decoder.decodePart($0, isLast: isLast, from: pool)
            }
            guard let (list, _, outcome) = decoded else { return nil }
            defer { pool.give(list) }
            return outcome == .decoded ? list.list.map { "\($0.name): \($0.value)" } : nil
        }
    }

    /// The index of "location" in the static table (RFC 7541, appendix A).
    private static let location: UInt8 = 46

    /// An uncompressed literal, which is entered if `isEntered` (RFC 7541, sections 6.2.1 and 6.2.2).
    private func literal(_ name: String, _ value: String, isEntered: Bool = false) -> [UInt8] {
        func string(_ text: String) -> [UInt8] {
            guard text.utf8.count >= 127 else { return [UInt8(text.utf8.count)] + text.utf8 }
            let rest = text.utf8.count - 127
            return [127, UInt8(rest & 127 | 128), UInt8(rest >> 7)] + text.utf8
        }
        return [isEntered ? 0x40 : 0] + string(name) + string(value)
    }

    @Test func meansTheSameWhereverItIsCut() {
        // A change of table size, an index, and literals, one of them Huffman-coded ("www.example.com").
        let code: [UInt8] = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff]
        let whole =
            [0x3f, 0xe1, 0x1, 0x88] + literal("ab", "cd", isEntered: true) + [0x0f, Self.location - 15, 0x8c] + code
        let expected = [":status: 200", "ab: cd", "location: www.example.com"]
        for first in 0...whole.count {
            for second in first...whole.count {
                let connection = Connection()
                connection.decode(whole[..<first], isLast: false)
                connection.decode(whole[first..<second], isLast: false)
                #expect(connection.decode(whole[second...]) == expected, "cut at \(first) and \(second)")
                #expect(connection.keptBytes == 0 && connection.decode([0xbe]) == ["ab: cd"])
            }
        }
    }

    @Test func keepsTheBeginningOfAFieldOnly() {
        let connection = Connection()
        let field = literal("x", String(repeating: "y", count: 100))
        connection.decode([0x88] + field + field[..<50], isLast: false)
        #expect(connection.keptBytes == 50)
        connection.decode(field[50...], isLast: false)
        #expect(connection.keptBytes == 0)
        #expect(connection.decode([])?.count == 3)
    }

    @Test(
        arguments: [
            // A change of size after a field (RFC 7541, section 4.2), in a part of its own.
            [[0x88], [0x20]],
            // An index beyond the table, between valid ones.
            [[0x88, 0xbe], [0x88]],
            // A length of more than 32 bits.
            [[0x00, 0x7f, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff]],
            // An incomplete field.
            [[0x88, 0x00], [0x01, 0x61, 0x05, 0x62]],
        ] as [[[UInt8]]])
    func staysBroken(parts: [[UInt8]]) {
        let connection = Connection()
        for part in parts { connection.decode(part, isLast: false) }
        #expect(connection.decode([]) == nil)
    }

    // MARK: Beyond the limit

    /// Of a list that is too long, only the call's status is kept.
    @Test func keepsTheStatusOfAListThatIsTooLong() {
        let connection = Connection(maxListSize: 200)
        let block =
            [0x88] + literal("x", String(repeating: "y", count: 300)) + literal("grpc-status", "5")
            + literal("z", String(repeating: "y", count: 300)) + literal("grpc-message", "not here")
        #expect(connection.decode(block) == [":status: 200", "grpc-status: 5", "grpc-message: not here"])
    }

    /// A message is cut at 1,024 bytes, or before them if they would split a percent-encoded character.
    @Test(arguments: [(0, 1_024), (1_021, 1_024), (1_022, 1_022), (1_023, 1_023), (1_024, 1_024)])
    func cutsAMessageBetweenCharacters(percent: Int, expected: Int) throws {
        let connection = Connection(maxListSize: 200)
        let message =
            String(repeating: "m", count: percent) + "%20" + String(repeating: "m", count: 1_100 - percent)
        let block = [0x88] + literal("x", String(repeating: "y", count: 300)) + literal("grpc-message", message)
        let list = try #require(connection.decode(block))
        #expect(list.last == "grpc-message: \(message.prefix(expected))")
    }
}
