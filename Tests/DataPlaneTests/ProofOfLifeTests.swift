import DataPlane
import EventLoop
import Testing

@Suite struct ProofOfLifeTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    @Test func whoWasNotAskedOwesNothing() {
        #expect(!ProofOfLife().isMissing(lastReceived: start, now: start + .seconds(60)))
    }

    @Test func silenceAfterTheQuestionIsNoticed() {
        var proof = ProofOfLife()
        let isDue = proof.isDue(now: start)
        #expect(isDue)
        #expect(!proof.isMissing(lastReceived: start, now: start + ProofOfLife.patience))
        #expect(proof.isMissing(lastReceived: start, now: start + ProofOfLife.patience + .milliseconds(1)))
    }

    /// However late it comes.
    @Test func anythingThatComesIsAnAnswer() {
        var proof = ProofOfLife()
        _ = proof.isDue(now: start)
        #expect(!proof.isMissing(lastReceived: start + .seconds(20), now: start + .seconds(60)))
    }

    @Test func asksSeldom() {
        var proof = ProofOfLife()
        let pauses: [Duration] = [.zero, .seconds(1), .seconds(299), .seconds(300), .seconds(301)]
        let answers = pauses.map { proof.isDue(now: start + $0) }
        #expect(answers == [true, false, false, true, false])
    }
}
