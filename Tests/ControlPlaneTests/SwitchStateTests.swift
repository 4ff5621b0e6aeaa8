import ControlPlane
import DataPlane
import Ground
import Testing

@Suite struct SwitchStateTests {
    private static let start = Timestamp(milliseconds: 1_000_000)

    private func change(_ epoch: UInt64, _ from: Color?, _ to: Color) -> Change {
        Change(
            epoch: epoch, action: from == nil ? .initial : .switch, from: from, to: to, at: Self.start, who: "someone")
    }

    @Test func beginsWithEpochOne() {
        let state = SwitchState(initial: .green, at: Self.start)
        #expect(state.epoch == 1)
        #expect(state.active == .green)
        #expect(state.previous == nil)
        #expect(state.route == Route(epoch: 1, active: .green))
        #expect(SwitchState(history: state.history) == state)
    }

    @Test func keepsTheLastFiftyChanges() {
        var state = SwitchState(initial: .blue, at: Self.start)
        for epoch in UInt64(2)...120 {
            state = state.adding(change(epoch, state.active, state.active.other))
        }
        #expect(state.epoch == 120)
        #expect(state.active == .green)
        #expect(state.previous == .blue)
        #expect(state.history.map(\.epoch) == Array((71...120).reversed()))
        #expect(SwitchState(history: state.history) == state)
    }

    @Test func refusesHistoriesThatDoNotFollow() {
        #expect(SwitchState(history: []) == nil)
        #expect(SwitchState(history: [change(2, .blue, .green)]) != nil)
        #expect(SwitchState(history: [change(0, nil, .green)]) == nil)
        #expect(SwitchState(history: [change(1, .blue, .green)]) == nil)
        #expect(SwitchState(history: [change(2, nil, .green)]) == nil)
        #expect(SwitchState(history: [change(2, .green, .green)]) == nil)
        #expect(SwitchState(history: [change(3, .blue, .green), change(1, nil, .blue)]) == nil)
        #expect(SwitchState(history: [change(3, .blue, .green), change(2, .blue, .green)]) == nil)
        #expect(SwitchState(history: [change(1 << 49, .blue, .green)]) == nil)
        let long = (UInt64(2)...52).reversed().map {
            $0 % 2 == 0 ? change($0, .blue, .green) : change($0, .green, .blue)
        }
        #expect(SwitchState(history: long) == nil)
        #expect(SwitchState(history: Array(long.dropLast())) != nil)
    }
}
