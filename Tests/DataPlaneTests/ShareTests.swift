import DataPlane
import TestSupport
import Testing

@Suite struct ShareTests {
    private func hashes(_ count: Int, _ secret: ShareSecret) -> [UInt64] {
        (0..<count).map { number in
            unsafe Array("user-\(number)".utf8).withUnsafeBufferPointer { unsafe secret.hash($0) }
        }
    }

    /// For whatever keys there are, and whatever the secret: within four standard deviations.
    @Test(arguments: [10, 100, 1_000, 5_000] as [UInt16], [1, 2, 3] as [UInt64])
    func isMetByDistinctKeys(parts: UInt16, seed: UInt64) {
        var random = SplitMix(seed: seed)
        let (count, share) = (100_000, Share(parts: parts))
        let met = hashes(count, ShareSecret(using: &random)).count { share.contains($0) }
        let probability = Double(parts) / Double(Share.whole)
        let deviation = (Double(count) * probability * (1 - probability)).squareRoot()
        #expect(abs(Double(met) - Double(count) * probability) <= 4 * deviation, "\(met)")
    }

    @Test func growingMovesNobodyBack() {
        var random = SplitMix(seed: 1)
        let hashes = hashes(10_000, ShareSecret(using: &random))
        for parts in stride(from: UInt16(0), to: Share.whole, by: 250) {
            let (smaller, larger) = (Share(parts: parts), Share(parts: parts + 250))
            #expect(hashes.allSatisfy { !smaller.contains($0) || larger.contains($0) })
        }
    }

    /// Two releases don't burden the same users first.
    @Test func anotherSecretTakesOthers() {
        var random = SplitMix(seed: 1)
        let share = Share(parts: 1_000)
        let first = hashes(10_000, ShareSecret(using: &random)).map { share.contains($0) }
        let second = hashes(10_000, ShareSecret(using: &random)).map { share.contains($0) }
        let both = zip(first, second).count { $0 && $1 }
        // One in a hundred by chance.
        #expect((50...160).contains(both))
    }

    @Test(arguments: [0, 1, .max / 2, .max] as [UInt64]) func hasEnds(hash: UInt64) {
        #expect(!Share.none.contains(hash) && Share.all.contains(hash))
    }

    @Test func isNeverMoreThanTheWhole() {
        #expect(Share(parts: .max) == .all && Share(parts: 9_999) < .all)
    }
}
