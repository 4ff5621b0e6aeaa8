import Comparison
import Foundation
import TestSupport
import Testing

/// Random but repeatable messages. A case's number is its seed; `SLUICE_FUZZ_CASES` sets how many cases of each kind are
/// played.
@Suite("Comparison fuzzing") struct ComparisonFuzzTests {
    private static let typed = Comparer.make()
    private static let untyped = Comparer.make(typed: false)
    private static let shares = 0..<2

    private static func seeds(_ standard: Int, share: Int) -> StrideTo<Int> {
        let count = ProcessInfo.processInfo.environment["SLUICE_FUZZ_CASES"].flatMap { Int($0) } ?? standard
        return stride(from: share, to: count, by: shares.count)
    }

    @Test("A value that differs is found, at its path and nowhere else", arguments: shares)
    func found(share: Int) {
        for seed in Self.seeds(20_000, share: share) {
            var soup = MessageSoup(seed: UInt64(seed))
            let message = soup.dish()
            guard soup.count > 0 else { continue }
            var changedSoup = MessageSoup(seed: UInt64(seed), changed: seed % soup.count)
            let changed = changedSoup.dish()
            #expect(Self.typed.compare(message, Array(message)) == .equal)
            #expect(Self.typed.compare(message, changed).paths == [changedSoup.path!], "case \(seed)")
            // Whole numbers of 32 bits may look like floating-point numbers that are as good as equal.
            let isFound = Self.untyped.compare(message, changed).differences != nil
            #expect(isFound || changedSoup.path == "r_unpacked[*]", "case \(seed)")
        }
    }

    @Test("A comparison leaves nothing to the next but its memory", arguments: [true, false])
    func one(afterAnother isTyped: Bool) {
        let comparer = Comparer.make(typed: isTyped)
        var comparison = MessageComparison(comparer)
        for seed in Self.seeds(5_000, share: 0) {
            var random = SplitMix(seed: UInt64(seed))
            var (soup, other) = (MessageSoup(seed: UInt64(seed)), MessageSoup(seed: UInt64(seed + 1)))
            var answers = (soup.dish(), other.dish())
            if seed % 3 == 0 { Damage.strike(&answers.1, &random) }
            // Each time there are some fields that haven't come before: more paths than are remembered.
            let field = UInt64(1000 + seed % 1500)
            answers.0 += WireWriter.message { $0.double(field, 1) }
            answers.1 += WireWriter.message { $0.double(field, 2) }
            let (left, right) = (
                Answer(status: 0, body: FramingTests.framed(answers.0)),
                Answer(status: 0, body: FramingTests.framed(answers.1))
            )
            let outcome = comparison.compare(left, right, method: Fixtures.cook)
            #expect(outcome == comparer.compare(left, right, method: Fixtures.cook), "case \(seed)")
        }
    }

    @Test("Damaged messages are compared or said to be none, the same both ways", arguments: shares)
    func damaged(share: Int) {
        var (messages, others) = (0, 0)
        for seed in Self.seeds(20_000, share: share) {
            var random = SplitMix(seed: UInt64(seed))
            let original = Fixtures.hex(Fixtures.cases.randomElement(using: &random)!.left)
            var damaged = original
            for _ in 0...Int.random(in: 0..<4, using: &random) { Damage.strike(&damaged, &random) }
            for comparer in [Self.typed, Self.untyped] {
                for method in [Fixtures.cook, Fixtures.recall, Fixtures.infer] {
                    let outcome = comparer.compare(original, damaged, method: method)
                    let reversed = comparer.compare(damaged, original, method: method)
                    #expect(outcome.paths == reversed.paths, "case \(seed)")
                    #expect(outcome.counts == reversed.counts, "case \(seed)")
                    if outcome.paths == ["(message)"] { others += 1 } else { messages += 1 }
                }
            }
        }
        #expect(messages > 100 && others > 100, "too much damage, or too little, tests nothing")
    }

    @Test(
        "A changed bit of bytes without a type is found, unless they look like floating-point numbers",
        arguments: shares)
    func untypedBytes(share: Int) {
        var (missed, count) = (0, 0)
        for seed in Self.seeds(20_000, share: share) {
            var random = SplitMix(seed: UInt64(seed))
            let original = (0..<Int.random(in: 1...60, using: &random)).map { _ in
                UInt8.random(in: 0...127, using: &random)
            }
            var changed = original
            let place = changed.indices.randomElement(using: &random)!
            changed[place] ^= 1 << UInt8.random(in: 0..<7, using: &random)
            let outcome = Self.untyped.compare(
                WireWriter.message { $0.bytes(1, original) }, WireWriter.message { $0.bytes(1, changed) })
            count += 1
            if outcome == .equal { missed += 1 }
            #expect(outcome != .equal || original.count >= 4, "case \(seed)")
        }
        #expect(missed * 500 <= count, "\(missed) of \(count)")
    }

    @Test("Random bytes", arguments: shares)
    func noise(share: Int) {
        for seed in Self.seeds(20_000, share: share) {
            var random = SplitMix(seed: UInt64(seed))
            let bytes = {
                (0..<Int.random(in: 0..<80, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            }
            let (left, right) = (bytes(), bytes())
            for comparer in [Self.typed, Self.untyped] {
                #expect(comparer.compare(left, left + []) == .equal)
                #expect((comparer.compare(left, right) == .equal) == (comparer.compare(right, left) == .equal))
            }
        }
    }

    @Test("Bodies with damage", arguments: shares)
    func bodies(share: Int) {
        for seed in Self.seeds(20_000, share: share) {
            var random = SplitMix(seed: UInt64(seed))
            var body = (0..<Int.random(in: 0..<4, using: &random)).flatMap { _ in
                FramingTests.framed([UInt8](repeating: 1, count: Int.random(in: 0..<300, using: &random)))
            }
            Damage.strike(&body, &random)
            let answer = Answer(status: 0, body: body)
            // What was taken apart is as long as the body exactly where that has no flaw.
            let read = answer.messages.reduce(0) { $0 + 5 + $1.count }
            #expect(read <= body.count && (answer.flaw == nil) == (read == body.count), "case \(seed)")
        }
    }
}

extension Outcome {
    /// How many values differ at each path.
    fileprivate var counts: [String: Int] {
        Dictionary(uniqueKeysWithValues: (differences?.list ?? []).map { ($0.path, $0.values) })
    }
}
