import Decompression
import TestSupport
import Testing

@Suite("Compressed files")
struct CompressorTests {
    private static let noise: [UInt8] = {
        var random = SplitMix(seed: 1)
        return (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &random) }
    }()
    private static let text = Array(String(repeating: "a model of many equal parts. ", count: 3_000).utf8)

    private func failure(_ bytes: [UInt8], _ compressor: Compressor, limit: Int = 1 << 20) -> DecompressionError? {
        #expect(throws: DecompressionError.self) { try compressor.decompress(bytes, limit: limit) }
    }

    @Test("What was compressed comes out again, and its signature is known", arguments: Compressor.allCases)
    func roundTrip(compressor: Compressor) throws {
        for content in [[], [7], Self.text, Self.noise, [UInt8](repeating: 0, count: 3 << 20)] {
            let bytes = Compressing.compress(content, by: compressor)
            #expect(Compressor(signatureOf: bytes) == compressor)
            #expect(try compressor.decompress(bytes, limit: content.count) == content)
        }
    }

    @Test("Pickles, archives and short files have no compressor's signature")
    func noSignature() {
        for bytes in [[], [0x78], [0x78, 0x00], [0x80, 4], Array("PK\u{3}\u{4}".utf8), [0x1F], [0x5D]] as [[UInt8]] {
            #expect(Compressor(signatureOf: bytes) == nil)
        }
    }

    @Test("A byte more than the limit is refused", arguments: Compressor.allCases)
    func limit(compressor: Compressor) throws {
        for content in [Self.text, Self.noise] {
            let bytes = Compressing.compress(content, by: compressor)
            let limit = content.count - 1
            #expect(failure(bytes, compressor, limit: limit)?.reason == .tooLarge(limit: limit))
        }
        #expect(failure(Compressing.compress([1], by: compressor), compressor, limit: 0)?.reason == .tooLarge(limit: 0))
    }

    @Test("A bomb is refused before it takes much memory", arguments: Compressor.allCases)
    func bomb(compressor: Compressor) {
        let bytes = Compressing.compress([UInt8](repeating: 0, count: 64 << 20), by: compressor)
        let limits = DecompressionLimits(most: 1 << 30, ratio: 100, least: 1 << 10)
        #expect(failure(bytes, compressor, limit: limits.bytes(from: bytes.count)) != nil)
    }

    @Test("Every truncation is refused as one", arguments: Compressor.allCases)
    func truncations(compressor: Compressor) {
        for content in [Array(Self.text.prefix(2_000)), Array(Self.noise.prefix(2_000))] {
            let bytes = Compressing.compress(content, by: compressor)
            for length in 0..<bytes.count {
                let error = failure(Array(bytes[..<length]), compressor)
                #expect(error == DecompressionError(offset: length, reason: .truncated), "\(length)")
            }
        }
    }

    @Test("Nothing may follow: garbage, zeros, or another stream", arguments: Compressor.allCases)
    func trailing(compressor: Compressor) {
        let bytes = Compressing.compress(Self.text, by: compressor)
        for rest in [[0], [1, 2, 3], bytes] as [[UInt8]] {
            #expect(
                failure(bytes + rest, compressor)
                    == DecompressionError(offset: bytes.count, reason: .trailingBytes(rest.count)))
        }
    }

    @Test("Checksums are checked", arguments: [Compressor.gzip, .zlib, .bzip2, .xz])
    func checksums(compressor: Compressor) {
        let bytes = Compressing.compress(Self.noise, by: compressor)
        // In the middle of noise, most formats have it as it is: only the checksum tells.
        for position in stride(from: 200, to: bytes.count - 200, by: 9_973) {
            var damaged = bytes
            damaged[position] ^= 1
            #expect(failure(damaged, compressor) != nil, "\(position)")
        }
        var damaged = bytes
        // gzip ends with the content's length.
        damaged[damaged.count - (compressor == .gzip ? 5 : 1)] ^= 0xFF
        #expect(failure(damaged, compressor)?.reason == .damaged)
    }

    @Test("A dictionary of gigabytes is refused")
    func dictionary() {
        var bytes = Compressing.lzma(Self.text, isAlone: true)
        bytes.replaceSubrange(1..<5, with: [0, 0, 0, 0xC0])
        #expect(failure(bytes, .lzma)?.reason == .needsMemory(limit: 128 << 20))
        // What xz -9 needs is allowed.
        #expect(throws: Never.self) {
            try Compressor.xz.decompress(Compressing.lzma(Self.text, isAlone: false, preset: 9), limit: 1 << 20)
        }
    }

    @Test("Random damage is refused with a place, or passes", arguments: Compressor.allCases)
    func damage(compressor: Compressor) {
        var random = SplitMix(seed: 3)
        let bytes = Compressing.compress(Array(Self.text.prefix(5_000)) + Self.noise.prefix(200), by: compressor)
        for _ in 0..<3_000 {
            var damaged = bytes
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                let place = Int.random(in: damaged.indices, using: &random)
                damaged[place] = UInt8.random(in: 0...255, using: &random)
            }
            do {
                _ = try compressor.decompress(damaged, limit: 1 << 20)
            } catch {
                #expect((0...damaged.count).contains(error.offset))
                #expect(error.description.hasPrefix("byte \(error.offset): "))
            }
        }
    }

    @Test("The limit grows with the file's size, between two bounds")
    func limits() {
        let limits = DecompressionLimits.standard
        #expect(limits.bytes(from: 0) == 32 << 20)
        #expect(limits.bytes(from: 1 << 20) == 100 << 20)
        #expect(limits.bytes(from: 64 << 20) == 1 << 30)
        #expect(limits.bytes(from: .max) == 1 << 30)
    }
}
