import DataPlane
import EventLoop
import Testing

@Suite struct SendShareTests {
    private let now = MonotonicTime(nanoseconds: 1_000_000)

    private func share(of window: Int) -> SendShare {
        var share = SendShare()
        share.saw(left: window)
        return share
    }

    @Test func aStreamThatIsNotReadLeavesHalf() {
        let share = share(of: 65_535)
        var unread = 0
        while case let part = share.share(asked: 16_384, unread: unread), part > 0 { unread += part }
        #expect(unread == 32_768)
        // What is left is half: peers give credit for the connection once that much has been read.
        #expect(65_535 - unread >= 65_535 / 2)
    }

    @Test func learnsNothingFromWindowsWiderThanTheConnections() {
        #expect(share(of: 65_535).canTell(streamWindow: 65_535))
        #expect(!share(of: 65_535).canTell(streamWindow: 1 << 20))
    }

    @Test func creditMakesRoom() {
        let share = share(of: 65_535)
        #expect(share.share(asked: 16_384, unread: 32_768) == 0)
        #expect(share.share(asked: 16_384, unread: 32_000) == 768)
        #expect(share.share(asked: 16_384, unread: 0) == 16_384)
    }

    @Test func growsWithTheWindow() {
        var share = share(of: 65_535)
        share.saw(left: 1 << 20)
        share.saw(left: 10)
        #expect(share.share(asked: 400_000, unread: 0) == 400_000)
    }

    @Test func aConnectionWithoutWindowIsFull() {
        var share = share(of: 65_535)
        #expect(share.isFull(left: 65_535, now: now) == false)
        #expect(share.isFull(left: 1023, now: now) == true)
        #expect(share.isFull(left: 65_535, now: now) == false)
    }

    @Test func aScarceWindowCountsAsFullIfThatLasts() {
        var share = share(of: 65_535)
        #expect(share.isFull(left: 8_000, now: now) == false)
        #expect(share.isFull(left: 8_000, now: now + SendShare.patience) == false)
        #expect(share.isFull(left: 8_000, now: now + SendShare.patience + .milliseconds(1)) == true)
        #expect(share.isFull(left: 20_000, now: now + .seconds(1)) == false)
        #expect(share.isFull(left: 8_000, now: now + .seconds(2)) == false)
    }

    @Test func aSmallWindowIsNotFullByItself() {
        var share = share(of: 8_000)
        #expect(share.isFull(left: 8_000, now: now) == false)
        #expect(share.isFull(left: 8_000, now: now + .seconds(1)) == false)
    }
}
