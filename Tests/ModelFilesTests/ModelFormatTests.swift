import Decompression
import ModelFiles
import Pickle
import Testing

@Suite("Formats of model files")
struct ModelFormatTests {
    private func failure(
        _ bytes: [UInt8], decompression: DecompressionLimits = .standard, limits: PickleLimits? = nil
    ) -> ModelFileError? {
        #expect(throws: ModelFileError.self) {
            try ModelFile(bytes, allowing: FormatFixtures.classes, limits: limits, decompression: decompression)
        }
    }

    private static let compressed: [(String, Compressor)] = [
        ("steps-gzip-1.9.1.pkl", .gzip), ("steps-joblib-gzip-1.2.2.joblib", .gzip),
        ("steps-joblib-zlib-1.9.1.joblib", .zlib), ("steps-joblib-bz2-1.9.1.joblib", .bzip2),
        ("steps-joblib-xz-1.9.1.joblib", .xz), ("steps-joblib-lzma-1.9.1.joblib", .lzma),
    ]

    @Test("The content tells the format")
    func formats() throws {
        #expect(try ModelFormat(of: FormatFixtures.bytes("steps-4-1.9.1.pkl")) == .pickle)
        #expect(try ModelFormat(of: FormatFixtures.bytes("steps-joblib-1.9.1.joblib")) == .pickle)
        #expect(try ModelFormat(of: FormatFixtures.bytes("steps-skops-1.9.1.skops")) == .skops)
        for (file, compressor) in Self.compressed {
            #expect(try ModelFormat(of: FormatFixtures.bytes(file)) == .compressedPickle(compressor))
        }
        #expect(try ModelFormat(of: []) == .pickle)
    }

    @Test("Compressions that joblib has from other packages are refused, with the way out")
    func unsupported() {
        for (signature, name) in [([0x04, 0x22, 0x4D, 0x18], "LZ4"), ([0x28, 0xB5, 0x2F, 0xFD], "zstandard")]
            as [([UInt8], String)]
        {
            let error = failure(signature + [1, 2, 3])
            #expect(error == .unsupportedCompression(name))
            #expect(
                error?.description
                    == "byte 0: the file is compressed (\(name)), which is not supported; save the model uncompressed, "
                    + "or with compress=('zlib', 3) or gzip, bz2, xz or lzma in zlib's place")
        }
        #expect(failure(Array("ZF0x20".utf8)) != nil)
    }

    @Test("A file that is cut off, goes on, or is damaged", arguments: compressed)
    func damaged(file: String, compressor: Compressor) {
        let bytes = FormatFixtures.bytes(file)
        #expect(
            failure(Array(bytes.dropLast()))
                == .compression(compressor, DecompressionError(offset: bytes.count - 1, reason: .truncated)))
        #expect(
            failure(bytes + [0])
                == .compression(compressor, DecompressionError(offset: bytes.count, reason: .trailingBytes(1))))
        #expect(
            failure(bytes + bytes)?.description
                == "byte \(bytes.count): the file is compressed (\(compressor)): \(bytes.count) bytes follow the end of "
                + "the compressed data; one stream alone is allowed")
        // Few bits say nothing: those that fill the last byte, say. lzma has no checksum.
        let places = Array(stride(from: 12, to: bytes.count, by: 7))
        let refused = places.count { place in
            var damaged = bytes
            damaged[place] ^= 0x10
            return (try? ModelFile(damaged, allowing: FormatFixtures.classes)) == nil
        }
        #expect(refused >= (compressor == .lzma ? places.count / 4 : places.count - 4))
    }

    @Test("More comes out than the limits allow", arguments: compressed)
    func bomb(file: String, compressor: Compressor) {
        let bytes = FormatFixtures.bytes(file)
        let limits = DecompressionLimits(most: 1 << 20, ratio: 1, least: 10)
        guard case .compression(compressor, let error) = failure(bytes, decompression: limits) else {
            Issue.record("not refused")
            return
        }
        #expect(error.reason == .tooLarge(limit: bytes.count))
    }

    @Test("An error inside says that it counts from elsewhere")
    func inside() {
        let limits = PickleLimits(opcodes: 10, decodedBytes: 0)
        let error = failure(FormatFixtures.bytes("steps-joblib-zlib-1.9.1.joblib"), limits: limits)
        guard case .content(let inner, of: .compressedPickle(.zlib)) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.offset == inner.offset)
        #expect(error?.description == "in the content decompressed from zlib, \(inner.description)")
        #expect(
            failure(FormatFixtures.bytes("steps-skops-1.9.1.skops"), limits: limits)?.description
                .hasPrefix("in schema.json, byte ") == true)
    }

    @Test("An archive without a schema is none of skops'")
    func noSchema() {
        var assembler = SkopsAssembler(schema: "{}")
        var bytes = assembler.bytes
        // The member's name in its header and in the directory.
        for place in bytes.indices where bytes[place...].starts(with: "schema.json".utf8) { bytes[place] ^= 0x20 }
        #expect(failure(bytes)?.description == "byte 0: the zip archive has no member 'schema.json'")
        assembler.files = [("a", [1])]
        #expect(failure(Array(assembler.bytes.dropLast()))?.description.hasPrefix("byte ") == true)
    }
}
