import Connections
import EventLoop
import Testing

@Suite struct IdleChoiceTests {
    private func candidates(_ list: [(peer: String, since: UInt64)]) -> [IdleChoice.Candidate<String>] {
        list.map { IdleChoice.Candidate(peer: $0.peer, idleSince: MonotonicTime(nanoseconds: $0.since)) }
    }

    @Test func thoseIdleLongestMakeRoom() {
        let found = IdleChoice.choose(
            from: candidates([("a", 30), ("a", 10), ("a", 20), ("a", 40)]), wishes: ["a": 2])
        #expect(found.chosen == [1, 2] && found.unmet == [:])
    }

    @Test func eachPeerMakesItsOwnRoom() {
        let found = IdleChoice.choose(
            from: candidates([("a", 30), ("b", 10), ("c", 5), ("a", 20), ("b", 40)]), wishes: ["a": 1, "b": 2])
        #expect(found.chosen == [1, 3, 4] && found.unmet == [:])
    }

    /// Another worker is asked for the rest.
    @Test func saysWhatIsStillWanted() {
        let found = IdleChoice.choose(from: candidates([("a", 1), ("a", 2)]), wishes: ["a": 5, "b": 3])
        #expect(found.chosen == [0, 1] && found.unmet == ["a": 3, "b": 3])
    }

    @Test func nobodyIsChosenWithoutAWish() {
        let found = IdleChoice.choose(from: candidates([("a", 1)]), wishes: [:])
        #expect(found.chosen.isEmpty && found.unmet.isEmpty)
    }
}
