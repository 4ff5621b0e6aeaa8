import ControlPlane
import DataPlane
import Ground
import Testing

@Suite struct DrainTests {
    private let change = Change(
        epoch: 7, action: .switch, from: .green, to: .blue, at: Timestamp(milliseconds: 1000), who: "someone")

    @Test func concernsTheColorThatWasLeft() throws {
        var drain = try #require(Drain(behind: change, timeout: .seconds(60)))
        #expect(drain.color == .green)
        #expect(drain.epoch == 7)
        #expect(drain.phase == .waiting)
        #expect(drain.deadline == Timestamp(milliseconds: 61_000))
        #expect(drain.endsBy == nil)
        drain.phase = .ending(over: .seconds(2))
        #expect(drain.endsBy == Timestamp(milliseconds: 63_000))
    }

    @Test func theFirstStartLeavesNothingBehind() {
        let first = Change(
            epoch: 1, action: .initial, from: nil, to: .blue, at: Timestamp(milliseconds: 0), who: "settings")
        #expect(Drain(behind: first, timeout: .zero) == nil)
    }

    @Test func aThousandCallsASecondComeBackWithinBounds() {
        #expect(Drain.spread(calls: 0) == .seconds(1))
        #expect(Drain.spread(calls: 1000) == .seconds(1))
        #expect(Drain.spread(calls: 10_000) == .seconds(10))
        #expect(Drain.spread(calls: 1_000_000) == .seconds(60))
    }

    @Test func aRequestOverridesTheSettings() {
        #expect(DrainChoice.standard.timeout(standard: nil) == nil)
        #expect(DrainChoice.standard.timeout(standard: .seconds(5)) == .seconds(5))
        #expect(DrainChoice.off.timeout(standard: .seconds(5)) == nil)
        #expect(DrainChoice.after(.seconds(1)).timeout(standard: .seconds(5)) == .seconds(1))
        #expect(DrainChoice.after(.zero).timeout(standard: nil) == .zero)
    }
}
