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

    // MARK: Releases

    private func release(_ number: UInt64, from: Color = .blue) -> Release {
        let step = ReleasePlan.Step(canary: Share(parts: 500), time: .seconds(60))
        return Release(
            number: number, plan: ReleasePlan(to: from.other, steps: [step]), from: from, forced: false,
            who: "someone", at: Self.start, idempotencyKey: "key", secret: ShareSecret(.max, 1))
    }

    @Test func aReleaseIsPartOfTheRoute() {
        let state = SwitchState(initial: .blue, at: Self.start).beginning(release(2))
        #expect(state.route == Route(epoch: 2, active: .blue, share: Share(parts: 500)))
        #expect(SwitchState(history: state.history, releases: state.releases, epoch: state.epoch) == state)
    }

    @Test func stepsLeaveNumbersOutOfTheHistory() throws {
        var state = SwitchState(initial: .blue, at: Self.start).beginning(release(2))
        var ended = try #require(state.release)
        #expect(try ended.follow(.promote, at: Self.start) == .finish)
        state = state.updating(ended, isStep: false).adding(change(3, .blue, .green))
        #expect(state.history.map(\.epoch) == [3, 1] && state.route == Route(epoch: 3, active: .green))
        #expect(SwitchState(history: state.history, releases: state.releases, epoch: state.epoch) == state)
        #expect(SwitchState(history: state.history) == nil, "without a release the numbers would be damaged")
    }

    @Test func refusesReleasesThatDoNotFollow() {
        let state = SwitchState(initial: .blue, at: Self.start).beginning(release(2))
        func isSound(_ releases: [Release], _ epoch: UInt64) -> Bool {
            SwitchState(history: state.history, releases: releases, epoch: epoch) != nil
        }
        #expect(isSound([release(2)], 2))
        #expect(!isSound([release(3)], 2), "a release of the future")
        #expect(!isSound([release(2, from: .green)], 2), "one from a color that isn't active")
        #expect(!isSound([release(3), release(2)], 3), "two under way")
        #expect(!isSound([release(2)], 0))
        #expect(!isSound([Release](repeating: release(2), count: 11), 2))
    }

    @Test func putsTheSecretBesideTheWordBeforeTheShare() throws {
        let state = SwitchState(initial: .blue, at: Self.start).beginning(release(2))
        let word = try RouteWord(state.routeWithoutShare)
        #expect(word.load().share == .none)
        state.putInForce(word)
        #expect(word.load() == state.route && word.secret == ShareSecret(.max, 1))
        // A word that a process has left in the middle of the release.
        state.putInForce(word)
        #expect(word.load() == state.route)
    }
}
