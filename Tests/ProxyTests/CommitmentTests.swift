import Proxy
import Testing

@Suite struct CommitmentTests {
    private let commitment = Commitment()

    /// Breaks it off twice.
    ///
    /// - Returns: whether the new process has not taken over, each time, and how often it would have been killed.
    private func breakOffTwice() -> (answers: [Bool], kills: Int) {
        var kills = 0
        let answers = (0..<2).map { _ in commitment.breakOff { kills += 1 } }
        return (answers, kills)
    }

    @Test func anOpenOneIsBrokenOffOnce() {
        let (answers, kills) = breakOffTwice()
        #expect(answers == [true, true])
        #expect(kills == 1)
        #expect(!commitment.commit(), "a process that has been killed takes nothing over")
    }

    @Test func aCommittedOneIsNotBrokenOff() {
        #expect(commitment.commit())
        let (answers, kills) = breakOffTwice()
        #expect(answers == [false, false])
        #expect(kills == 0)
        #expect(!commitment.commit(), "it is committed once")
    }

    /// Whoever waits for its end sees to it: by then, the number may be another process's.
    @Test func anAbandonedOneKillsNobody() {
        commitment.abandon()
        let (answers, kills) = breakOffTwice()
        #expect(answers == [true, true])
        #expect(kills == 0)
        #expect(!commitment.commit())
    }
}
