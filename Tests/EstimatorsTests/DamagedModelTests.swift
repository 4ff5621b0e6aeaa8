import Estimators
import Glibc
import ModelFiles
import Pickle
import TestSupport
import Testing

/// Real models with random damage. Each is either refused, with a place in the file, or loads as a model; none may
/// crash, hang or use much memory.
@Suite("Damaged models", .serialized)
struct DamagedModelTests {
    private static let models =
        Fixture.all.map(\.pickle) + ["v1.0.0", "v1.1.0"].map(Fixture.shippedModel) + Answers.damaged.map(\.bytes)

    /// Loads damaged bytes and predicts if that works; returns whether they were refused.
    private func isRefused(_ bytes: [UInt8]) -> Bool {
        do {
            let model = try Model(file: bytes)
            guard model.features.count < 1_000 else { return false }
            let row = [5.1, 3.5, 1.4, 0.2, -1].prefix(model.features.count)
            let table = row.count == model.features.count ? Table(row: Array(row)) : model.features.example
            switch try? model.predict(table, probabilities: true) {
            case .classification(let answer)?:
                #expect(model.classes.indices.contains(answer.classIndices[0]))
                #expect(answer.probabilities?.values.allSatisfy { $0.isFinite } ?? true)
            case .regression(let answer)?:
                #expect(answer.values.allSatisfy { $0.isFinite })
            case nil:
                break
            }
            return false
        } catch {
            let offset =
                switch error {
                case .pickle(let error): error.offset
                case .unusable(_, _, _, let offset): offset
                case .file(let error): error.offset
                // The offset counts from another place.
                case .inside: 0
                }
            #expect((0...bytes.count).contains(offset), "\(error)")
            if case .inside(let content, _) = error {
                #expect(error.description.hasPrefix("in \(content), byte "))
            } else {
                #expect(error.description.hasPrefix("byte \(offset): "))
            }
            return true
        }
    }

    /// Every place of `count`, or about a thousand of them if there are many.
    private func places(_ count: Int) -> StrideTo<Int> {
        stride(from: 0, to: count, by: count / 12_000 + 1)
    }

    @Test("Every truncation is refused")
    func truncations() {
        for model in Self.models {
            for length in stride(from: 0, to: model.count, by: model.count / 2_000 + 1) {
                #expect(isRefused(Array(model[..<length])), "\(length)")
            }
        }
    }

    @Test("Every single flipped bit; of large models every tenth or so")
    func everyBit() {
        for model in Self.models {
            var (refused, tried) = (0, 0)
            for position in places(model.count * 8) {
                var damaged = model
                damaged[position / 8] ^= 1 << (position % 8)
                tried += 1
                if isRefused(damaged) { refused += 1 }
            }
            // Flips that pass are in numbers, or in attributes that prediction doesn't need.
            #expect(refused * 8 > tried, "of \(tried)")
        }
    }

    @Test("Random damage of many kinds", arguments: 1...8 as ClosedRange<UInt64>)
    func randomDamage(seed: UInt64) {
        var random = SplitMix(seed: seed)
        for _ in 0..<5_000 {
            var bytes = Self.models.randomElement(using: &random)!
            for _ in 0...Int.random(in: 0..<4, using: &random) { damage(&bytes, &random) }
            _ = isRefused(bytes)
        }
    }

    private func damage(_ bytes: inout [UInt8], _ random: inout SplitMix) {
        guard !bytes.isEmpty else { return }
        let place = Int.random(in: bytes.indices, using: &random)
        let length = min(Int.random(in: 1...16, using: &random), bytes.count - place)
        switch Int.random(in: 0..<7, using: &random) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 2: bytes.removeSubrange(place..<place + length)
        case 3: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
        case 4: for index in place..<place + length { bytes[index] = 0xFF }
        case 5: bytes.removeLast(length)
        default:
            // A piece of another model: valid opcodes in the wrong place.
            let other = Self.models.randomElement(using: &random)!
            let start = Int.random(in: other.indices, using: &random)
            bytes.insert(contentsOf: other[start..<min(start + 200, other.count)], at: place)
        }
    }

    @Test("Lengths that are as large as can be make the process no larger")
    func memory() {
        let before = Self.peakMemory()
        for model in Self.models {
            for place in places(model.count - 8) {
                var damaged = model
                for index in place..<place + 4 { damaged[index] = 0xFF }
                _ = isRefused(damaged)
            }
        }
        // Other tests run in the same process, so the bound is wide; the failure looked for takes gigabytes.
        #expect(Self.peakMemory() - before < 512 << 10)
    }

    /// The process's peak resident memory in KiB.
    private static func peakMemory() -> Int {
        var usage = rusage()
        unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss
    }
}
