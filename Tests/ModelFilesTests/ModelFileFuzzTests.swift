import Decompression
import Foundation
import ModelFiles
import Pickle
import TestSupport
import Testing

/// Random but repeatable damage to files of all formats. Each file is read to its end or refused with a place in it, within
/// bounds on memory and time. `SLUICE_FUZZ_CASES` sets how many cases of each kind are played.
@Suite("Fuzzing of model files") struct ModelFileFuzzTests {
    private static let limits = PickleLimits(opcodes: 20_000, decodedBytes: 1 << 20)
    private static let decompression = DecompressionLimits(most: 1 << 20, ratio: 100, least: 1 << 18)
    private static let shares = 0..<4

    private static func count(_ standard: Int) -> Int {
        ProcessInfo.processInfo.environment["SLUICE_FUZZ_CASES"].flatMap { Int($0) } ?? standard
    }

    @Test("Damaged bytes of every format", arguments: shares)
    func bytes(share: Int) {
        let files = [
            "steps-deflated-skops-1.9.1.skops", "steps-gzip-1.9.1.pkl", "steps-joblib-zlib-1.9.1.joblib",
            "steps-joblib-bz2-1.9.1.joblib", "steps-joblib-xz-1.9.1.joblib", "steps-joblib-lzma-1.9.1.joblib",
        ].map(FormatFixtures.bytes)
        for file in files { #expect(Self.isRead(file, -1)) }
        for number in stride(from: share, to: Self.count(2_000), by: Self.shares.count) {
            var random = SplitMix(seed: UInt64(number))
            var bytes = files.randomElement(using: &random)!
            for _ in 0...Int.random(in: 0..<3, using: &random) { Self.damage(&bytes, &random) }
            _ = Self.isRead(bytes, number)
        }
    }

    @Test("Sound archives around a damaged schema", arguments: shares)
    func schemas(share: Int) throws {
        let sound = try Self.parts()
        #expect(Self.isRead(sound.bytes, -1))
        var wereRead = 0
        for number in stride(from: share, to: Self.count(1_000), by: Self.shares.count) {
            var random = SplitMix(seed: UInt64(number))
            var parts = sound
            for _ in 0...Int.random(in: 0..<4, using: &random) { Self.damage(&parts.schema, &random) }
            if Self.isRead(parts.bytes, number) { wereRead += 1 }
        }
        // If none could be read, the damage would be too large to test anything.
        #expect(wereRead > 0)
    }

    @Test("Sound archives with damaged arrays", arguments: shares)
    func arrays(share: Int) throws {
        let sound = try Self.parts()
        for number in stride(from: share, to: Self.count(1_000), by: Self.shares.count) {
            var random = SplitMix(seed: UInt64(number))
            var parts = sound
            let index = Int.random(in: parts.files.indices, using: &random)
            for _ in 0...Int.random(in: 0..<3, using: &random) { Self.damage(&parts.files[index].content, &random) }
            _ = Self.isRead(parts.bytes, number)
        }
    }

    /// A file of skops in its parts.
    private static func parts() throws -> SkopsAssembler {
        let archive = try ZipArchive(FormatFixtures.bytes("steps-skops-1.9.1.skops"), limit: 1 << 20)
        let schema = String(decoding: try archive.content(of: "schema.json"), as: UTF8.self)
        var assembler = SkopsAssembler(schema: schema)
        for number in 1...200 where archive.contains("\(number).npy") {
            assembler.files.append(("\(number).npy", try archive.content(of: "\(number).npy")))
        }
        #expect(assembler.files.count > 3)
        return assembler
    }

    /// Reads a file. The test fails if the outcome is neither a value nor an error with a place in the file, or if
    /// reading takes too long.
    private static func isRead(_ bytes: [UInt8], _ number: Int) -> Bool {
        let began = ContinuousClock.now
        defer {
            let taken = ContinuousClock.now - began
            #expect(taken < .seconds(5), "case \(number) took \(taken)")
        }
        do {
            let file = try ModelFile(
                bytes, allowing: FormatFixtures.classes, limits: limits, decompression: decompression)
            _ = file.document.summary(of: file.document.root)
            return true
        } catch {
            let most = if case .content = error { 1 << 20 } else { bytes.count }
            #expect((0...most).contains(error.offset), "case \(number): \(error)")
            #expect(error.description.utf8.count < 2_000, "case \(number)")
            return false
        }
    }

    private static func damage(_ bytes: inout [UInt8], _ random: inout SplitMix) {
        guard let place = bytes.indices.randomElement(using: &random) else { return }
        let length = min(Int.random(in: 1...24, using: &random), bytes.count - place)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 2: bytes.removeSubrange(place..<place + length)
        case 3:
            bytes.insert(contentsOf: bytes[place..<place + length], at: bytes.indices.randomElement(using: &random)!)
        default:
            for index in place..<place + length { bytes[index] = [0, 0x7F, 0x80, 0xFF].randomElement(using: &random)! }
        }
    }

    /// Damage that leaves most of a schema sound: words change places, numbers become others, parts go or come twice.
    private static func damage(_ schema: inout String, _ random: inout SplitMix) {
        let words = [
            "JsonNode", "ListNode", "DictNode", "TupleNode", "SetNode", "NdArrayNode", "ObjectNode", "CachedNode",
            "TypeNode", "SliceNode", "TreeNode", "LossNode", "DTypeNode", "SparseMatrixNode", "BytesNode",
            "ConstructorFromReduceNode", "DefaultDictNode", "FunctionNode", "content", "key_types", "shape", "json",
            "numpy", "null", "true", "[]", "{}", "\"", "-1", "1e400", "99999999999999999999", "__id__", "file",
        ]
        var bytes = Array(schema.utf8)
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            damage(&bytes, &random)
        case 1:
            // A word in place of a word.
            let (old, new) = (words.randomElement(using: &random)!, words.randomElement(using: &random)!)
            let places = schema.ranges(of: old)
            guard let place = places.randomElement(using: &random) else { return }
            schema.replaceSubrange(place, with: new)
            return
        case 2:
            let lines = schema.split(separator: "\n", omittingEmptySubsequences: false)
            let index = Int.random(in: lines.indices, using: &random)
            schema = (lines[..<index] + lines[(index + 1)...]).joined(separator: "\n")
            return
        default:
            let lines = schema.split(separator: "\n", omittingEmptySubsequences: false)
            let start = Int.random(in: lines.indices, using: &random)
            let end = min(lines.count, start + Int.random(in: 1...12, using: &random))
            let place = Int.random(in: lines.indices, using: &random)
            schema = (lines[..<place] + lines[start..<end] + lines[place...]).joined(separator: "\n")
            return
        }
        schema = String(decoding: bytes, as: UTF8.self)
    }
}
