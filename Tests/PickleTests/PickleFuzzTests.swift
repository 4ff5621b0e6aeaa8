import Foundation
import Pickle
import TestSupport
import Testing

/// Random but repeatable files. Each is read to its end or refused with a place in it, within bounds on memory and
/// time. A case's number is its seed; `SLUICE_FUZZ_CASES` sets how many cases of each kind are played.
@Suite("Pickle fuzzing") struct PickleFuzzTests {
    private static let limits = PickleLimits(opcodes: 20_000, decodedBytes: 1 << 20)
    private static let classes: Set = [
        PythonName(module: "test", name: "Model"),
        PythonName(module: "sklearn.linear_model._logistic", name: "LogisticRegression"),
        PythonName(module: "sklearn.preprocessing._data", name: "StandardScaler"),
        PythonName(module: "sklearn.pipeline", name: "Pipeline"),
    ]
    private static let shares = 0..<4

    /// Number of cases that a test plays, in all shares together.
    private static func count(_ standard: Int) -> Int {
        ProcessInfo.processInfo.environment["SLUICE_FUZZ_CASES"].flatMap { Int($0) } ?? standard
    }

    @Test("Programs of random opcodes", arguments: shares)
    func soup(share: Int) {
        var wereRead = 0
        for number in stride(from: share, to: Self.count(10_000), by: Self.shares.count) {
            var random = SplitMix(seed: UInt64(number))
            let steps = Int.random(in: 1..<30, using: &random)
            if Self.isRead(PickleSoup.program(steps: steps, using: &random), number) { wereRead += 1 }
        }
        // If none could be read, the programs would be too broken to test anything.
        #expect(wereRead > 0)
    }

    @Test("Noise behind a sound beginning", arguments: shares)
    func noise(share: Int) {
        for number in stride(from: share, to: Self.count(5_000), by: Self.shares.count) {
            var random = SplitMix(seed: UInt64(number))
            let length = Int.random(in: 0..<200, using: &random)
            let noise = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            _ = Self.isRead([0x80, UInt8.random(in: 2...5, using: &random)] + noise, number)
        }
    }

    @Test("Shipped models with damage", arguments: shares)
    func damagedModels(share: Int) throws {
        let models = try ["v1.0.0", "v1.1.0"].map(Self.model)
        for model in models { #expect(Self.isRead(model, -1)) }
        for number in stride(from: share, to: Self.count(5_000), by: Self.shares.count) {
            var random = SplitMix(seed: UInt64(number))
            var bytes = models.randomElement(using: &random)!
            for _ in 0...Int.random(in: 0..<5, using: &random) { Self.damage(&bytes, &random) }
            _ = Self.isRead(bytes, number)
        }
    }

    /// Reads a file. The test fails if the outcome is neither a value nor an error with a place in the file, or if
    /// reading takes too long.
    private static func isRead(_ bytes: [UInt8], _ number: Int) -> Bool {
        let began = ContinuousClock.now
        defer {
            let taken = ContinuousClock.now - began
            // Far longer than any of these files takes, and far shorter than an endless loop would.
            #expect(taken < .seconds(5), "case \(number) took \(taken)")
        }
        do {
            let document = try PickleReader.read(bytes, allowing: classes, limits: limits)
            _ = document.summary(of: document.root)
            _ = document.sparseMatrix(document.root)
            return true
        } catch {
            #expect((0...bytes.count).contains(error.offset), "case \(number): \(error)")
            #expect(error.description.utf8.count < 2_000, "case \(number)")
            return false
        }
    }

    private static func damage(_ bytes: inout [UInt8], _ random: inout SplitMix) {
        guard let place = bytes.indices.randomElement(using: &random) else { return }
        let length = min(Int.random(in: 1...24, using: &random), bytes.count - place)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 2: bytes.removeSubrange(place..<place + length)
        case 3:
            bytes.insert(contentsOf: bytes[place..<place + length], at: bytes.indices.randomElement(using: &random)!)
        case 4:
            for index in place..<place + length { bytes[index] = [0, 0x7F, 0x80, 0xFF].randomElement(using: &random)! }
        default: bytes.insert(contentsOf: PickleSoup.program(steps: 3, using: &random).dropFirst(2), at: place)
        }
    }

    private static func model(_ version: String) throws -> [UInt8] {
        let models = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../models")
        return [UInt8](try Data(contentsOf: models.appending(path: "\(version)/model.pkl")))
    }
}
