import Connections
import EventLoop
import Testing

@Suite struct ClientActivityTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    @Test func aClientWithoutCallsIsIdleFromTheBeginning() {
        #expect(ClientActivity.new(since: start).idleSince == start)
        #expect(ClientActivity.idle(since: start, isTrimmed: true).idleSince == start)
        #expect(ClientActivity.busy.idleSince == nil)
    }

    @Test func memoryIsReleasedOnceAfterAPause() {
        var activity = ClientActivity.idle(since: start, isTrimmed: false)
        let trims = [1, 2, 3, 4].map { activity.beginsTrimming(now: start + .seconds($0)) }
        #expect(trims == [false, false, true, false])
        #expect(activity.idleSince == start)
    }

    /// A client that has had no call yet has nothing to release.
    @Test func thereIsNothingToReleaseWithoutACallBefore() {
        for activity in [ClientActivity.new(since: start), .busy] {
            var activity = activity
            let trims = activity.beginsTrimming(now: start + .seconds(60))
            #expect(!trims)
        }
    }
}
