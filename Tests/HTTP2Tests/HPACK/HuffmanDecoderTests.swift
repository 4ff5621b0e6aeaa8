import HTTP2
import TestSupport
import Testing

@Suite struct HuffmanDecoderTests {
    private func decode(_ string: [UInt8]) -> [UInt8]? {
        let room = HuffmanDecoder.room(for: string.count)
        var isSound = false
        let decoded = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            let length = unsafe string.withUnsafeBytes {
                unsafe HuffmanDecoder.shared.decode($0, into: buffer.baseAddress!)
            }
            isSound = length != nil
            count = length ?? 0
        }
        return isSound ? decoded : nil
    }

    /// Encodes bit by bit, and pads the last byte with bits equal to `padding`.
    private func encode(_ bytes: some Sequence<UInt8>, padding: Bool = true) -> [UInt8] {
        var bits: [Bool] = []
        for byte in bytes {
            let (code, count) = (HuffmanCode.codes[Int(byte)], Int(HuffmanCode.bitCounts[Int(byte)]))
            bits += (0..<count).map { code >> UInt32(count - 1 - $0) & 1 == 1 }
        }
        while bits.count % 8 != 0 { bits.append(padding) }
        return stride(from: 0, to: bits.count, by: 8).map { start in
            bits[start..<start + 8].reduce(0) { $0 << 1 | ($1 ? 1 : 0) }
        }
    }

    /// RFC 7541, appendices C.4 and C.6.
    @Test(
        arguments: [
            ("www.example.com", [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff]),
            ("no-cache", [0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]), ("302", [0x64, 0x02]),
            ("private", [0xae, 0xc3, 0x77, 0x1a, 0x4b]),
        ] as [(String, [UInt8])])
    func examples(text: String, bytes: [UInt8]) {
        #expect(decode(bytes) == Array(text.utf8))
        #expect(encode(text.utf8) == bytes)
    }

    @Test func everyByteBehindEveryOther() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max where decode(encode([first, second])) != [first, second] {
                Issue.record("\(first), \(second)")
            }
        }
    }

    @Test func anEmptyStringIsEmpty() { #expect(decode([]) == []) }

    @Test(arguments: 1...20) func longStringsHaveRoom(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let bytes = (0..<1_000).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        #expect(decode(encode(bytes)) == bytes)
        // The shortest codes decode to the most bytes.
        let short = [UInt8](repeating: UInt8(ascii: "0"), count: Int.random(in: 1..<1_000, using: &random))
        #expect(decode(encode(short)) == short)
    }

    /// Padding is fewer than eight bits, all ones (RFC 7541, section 5.2).
    @Test func thePaddingIsOnes() {
        // A symbol of five bits, then three bits of padding.
        #expect(decode([0b0000_0111]) == [UInt8(ascii: "0")])
        #expect(decode([0b0000_0011]) == nil && decode([0b0000_0110]) == nil)
        #expect(decode(encode("a".utf8, padding: false)) == nil)
        #expect(decode([0b0000_0111, 0xff]) == nil && decode([0xff]) == nil, "a whole byte of padding, or more")
        #expect(decode(encode("&".utf8)) == [UInt8(ascii: "&")], "eight bits need none")
    }

    /// RFC 7541, section 5.2.
    @Test func noStringHasEOS() {
        #expect(decode([0xff, 0xff, 0xff, 0xff]) == nil)
        #expect(decode([0xff, 0xff, 0xff, 0xfc]) == nil)
        #expect(decode(encode("a&".utf8) + [0xff, 0xff, 0xff, 0xff, 0xff]) == nil)
    }
}
