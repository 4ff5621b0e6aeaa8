import Connections
import Testing

@Suite struct EarnedStreamsTests {
    @Test func appliesOnlyToPeersWithFewResetsLeft() {
        #expect(EarnedStreams(left: 100, full: 100, capacity: 200) == nil)
        #expect(EarnedStreams(left: 200, full: 100, capacity: 200) == nil)
        #expect(EarnedStreams(left: 99, full: 100, capacity: 200)?.announced == 99)
        #expect(EarnedStreams(left: 0, full: 100, capacity: 200)?.announced == 1)
    }

    @Test func doublesUntilAllAreThere() throws {
        var streams = try #require(EarnedStreams(left: 0, full: 100, capacity: 200))
        var told: [Int] = []
        for left in 0...300 {
            if let more = streams.update(left: left) { told.append(more) }
        }
        #expect(told == [2, 4, 8, 16, 32, 64, 100])
        #expect(streams.isFull && streams.update(left: 300) == nil)
    }

    @Test func aPeerWithAllResetsHasAllStreams() throws {
        var streams = try #require(EarnedStreams(left: 199, full: 1_000, capacity: 200))
        #expect(streams.announced == 199)
        #expect(streams.update(left: 200) == 1_000)
        #expect(EarnedStreams(left: 200, full: 1_000, capacity: 200) == nil)
    }

    @Test func takesNothingBack() throws {
        var streams = try #require(EarnedStreams(left: 5, full: 100, capacity: 200))
        #expect(streams.update(left: 10) == 10)
        #expect(streams.update(left: 0) == nil && streams.announced == 10)
        #expect(streams.update(left: 19) == nil && streams.update(left: 20) == 20)
    }

    @Test func worksWithALimitOfOneStream() {
        #expect(EarnedStreams(left: 1, full: 1, capacity: 200) == nil)
        var streams = EarnedStreams(left: 0, full: 1, capacity: 200)
        #expect(streams?.announced == 1 && streams?.isFull == true)
        #expect(streams?.update(left: 10) == nil)
    }
}
