import HTTP1
import NIOCore
import TestSupport
import Testing

@Suite struct ByteAllowanceTests {
    private func at(_ seconds: UInt64) -> NIODeadline { .uptimeNanoseconds(seconds * 1_000_000_000) }

    @Test func grantsUpToTheLimit() {
        var allowance = ByteAllowance<Int>(limit: 100)
        #expect(allowance.take(60, for: 1, since: at(1)) == .granted(ending: []))
        #expect(allowance.take(40, for: 2, since: at(2)) == .granted(ending: []))
        #expect(allowance.total == 100)
        allowance.release(1)
        allowance.release(1)
        #expect(allowance.total == 40)
    }

    @Test func theOldestMakesRoom() {
        var allowance = ByteAllowance<Int>(limit: 100)
        for holder in 1...5 { _ = allowance.take(20, for: holder, since: at(UInt64(holder))) }
        #expect(allowance.take(30, for: 6, since: at(6)) == .granted(ending: [1, 2]))
        #expect(allowance.total == 90)
        // Bytes that connection 1 took before it learned of its end are given back, and no more than those.
        allowance.release(1)
        #expect(allowance.total == 90)
    }

    @Test func theOldestHolderIsRefused() {
        var allowance = ByteAllowance<Int>(limit: 100)
        _ = allowance.take(50, for: 1, since: at(1))
        _ = allowance.take(50, for: 2, since: at(2))
        #expect(allowance.take(1, for: 1, since: at(1)) == .refused)
        #expect(allowance.total == 100)
    }

    @Test func requestsBeingAnsweredAreKept() {
        var allowance = ByteAllowance<Int>(limit: 100)
        _ = allowance.take(50, for: 1, since: at(1))
        allowance.answering(1)
        _ = allowance.take(50, for: 2, since: at(2))
        #expect(allowance.take(60, for: 3, since: at(3)) == .refused)
        #expect(allowance.take(50, for: 3, since: at(3)) == .granted(ending: [2]))
        #expect(allowance.total == 100)
    }

    @Test func aSingleHolderMayHaveWhatItNeeds() {
        var allowance = ByteAllowance<Int>(limit: 100)
        #expect(allowance.take(300, for: 1, since: at(1)) == .granted(ending: []))
        #expect(allowance.take(300, for: 1, since: at(1)) == .granted(ending: []))
        // Its client doesn't read the answer, which makes it the oldest.
        #expect(allowance.take(1, for: 2, since: at(2)) == .granted(ending: [1]))
        #expect(allowance.total == 1)
    }

    /// Connections that wait for their clients never hold more than the limit together, unless there is only one.
    @Test func holdsTheLimit() {
        var random = SplitMix(seed: 7)
        var allowance = ByteAllowance<Int>(limit: 1000)
        var largest = 0
        for step in 0..<20_000 {
            let holder = Int.random(in: 0..<40, using: &random)
            switch Int.random(in: 0..<8, using: &random) {
            case 0: allowance.release(holder)
            case 1: allowance.answering(holder)
            default: _ = allowance.take(Int.random(in: 1...100, using: &random), for: holder, since: at(UInt64(step)))
            }
            #expect(allowance.total >= 0)
            largest = max(largest, allowance.total)
        }
        #expect(largest <= 1000)
        for holder in 0..<40 { allowance.release(holder) }
        #expect(allowance.total == 0)
    }
}
