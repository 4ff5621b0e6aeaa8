import Connections
import EventLoop
import Testing

@Suite struct BandwidthEstimateTests {
    /// A sender over a link. Each round trip delivers as much as the window allows, or as the link carries in that
    /// time.
    private struct Link {
        /// Bandwidth in bytes a second, and the time of a round trip.
        var rate = 100e6
        var roundTrip = Duration.milliseconds(20)
        var now = MonotonicTime(nanoseconds: 1_000_000_000)
        var pings = 0

        var product: Int { Int(rate * Double(roundTrip.clampedNanoseconds) / 1e9) }

        mutating func exchange(_ estimate: inout BandwidthEstimate) {
            let isAsked = estimate.begin(now: now)
            if isAsked { pings += 1 }
            now = now + roundTrip
            if isAsked { estimate.answered(now: now) }
            // In one burst, after the answer to the PING.
            estimate.received(min(max(65_535, estimate.window), product), now: now)
        }
    }

    @Test func findsTheProductWithinAFewRoundTrips() {
        var (link, estimate) = (Link(), BandwidthEstimate(most: 16 << 20))
        for _ in 0..<14 { link.exchange(&estimate) }
        #expect(estimate.window == 2 * link.product)
        #expect(link.pings == 1)
    }

    @Test func staysSmallWhereTheLinkIsSlow() {
        var (link, estimate) = (Link(), BandwidthEstimate(most: 16 << 20))
        link.rate = 1e6
        for _ in 0..<100 { link.exchange(&estimate) }
        #expect(estimate.window == 2 * link.product)
    }

    @Test func staysWithinItsBound() {
        var (link, estimate) = (Link(), BandwidthEstimate(most: 300_000))
        for _ in 0..<50 { link.exchange(&estimate) }
        #expect(estimate.window == 300_000)
    }

    @Test func measuresOnceInAWhileAndOneAtATime() {
        var estimate = BandwidthEstimate(most: 1 << 20)
        var now = MonotonicTime(nanoseconds: 1_000)
        var begun = estimate.begin(now: now)
        #expect(begun)
        begun = estimate.begin(now: now + .seconds(100))
        #expect(!begun)
        now = now + .milliseconds(10)
        estimate.answered(now: now)
        begun = estimate.begin(now: now + .seconds(9))
        #expect(!begun)
        begun = estimate.begin(now: now + .seconds(10))
        #expect(begun)
    }

    @Test func aPauseIsNotMeasuredAsARoundTrip() {
        var (link, estimate) = (Link(), BandwidthEstimate(most: 16 << 20))
        link.exchange(&estimate)
        let before = estimate.window
        // 60 KB in ten seconds is next to nothing in a round trip of 20 ms.
        link.now = link.now + .seconds(10)
        estimate.received(60_000, now: link.now)
        #expect(estimate.window <= max(before, 1_000))
    }

    @Test func ignoresUnsolicitedAnswers() {
        var estimate = BandwidthEstimate(most: 1 << 20)
        estimate.answered(now: MonotonicTime(nanoseconds: 5))
        estimate.received(1 << 30, now: MonotonicTime(nanoseconds: 6))
        estimate.received(1 << 30, now: MonotonicTime(nanoseconds: 7))
        #expect(estimate.window == 0)
    }
}
