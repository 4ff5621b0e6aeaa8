import TLS
import Testing

@Suite struct ChangeDetectorTests {
    /// What a detector that knows 1 says to one look after the other.
    private func looks(at values: [Int]) -> [Bool] {
        var detector = ChangeDetector(known: 1)
        return values.map { detector.look(at: $0) }
    }

    @Test func waitsUntilAChangeHasComeToRest() {
        #expect(looks(at: [1, 2, 3, 3, 3]) == [false, false, false, true, false])
        // Back and forth between two looks is no change.
        #expect(looks(at: [2, 1, 1, 2, 2, 1, 1]) == [false, false, false, false, true, false, true])
    }

    @Test func leavesAloneWhatWasTakenUnasked() {
        var detector = ChangeDetector(known: 1)
        var acted = detector.look(at: 2)
        detector.take(2)
        acted = detector.look(at: 2) || acted
        acted = detector.look(at: 2) || acted
        #expect(!acted)
    }
}
