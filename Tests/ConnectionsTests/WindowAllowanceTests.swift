import Connections
import EventLoop
import Testing

@Suite struct WindowAllowanceTests {
    private let total = 1 << 20
    private let full = 65_535

    private func responses(most: Int = 3 << 20, isEarned: Bool = true) -> WindowAllowance {
        WindowAllowance(
            base: WindowAllowance.base(total: total, streams: 100, full: full), full: full, most: most,
            isEarned: isEarned)
    }

    /// An estimate that has measured `window`.
    private func measured(_ window: Int) -> BandwidthEstimate {
        var estimate = BandwidthEstimate(most: window)
        let start = MonotonicTime(nanoseconds: 1)
        _ = estimate.begin(now: start)
        estimate.answered(now: start + .milliseconds(1))
        estimate.received(window, now: start + .milliseconds(1))
        estimate.received(1, now: start + .milliseconds(2))
        #expect(estimate.window == window)
        return estimate
    }

    @Test func baseWindowsAddUpToHalf() {
        #expect(responses().base == 5242)
        // So many streams that each share would be next to nothing, and a full window that is smaller than the share.
        #expect(WindowAllowance.base(total: total, streams: 100_000, full: full) == WindowAllowance.leastBase)
        #expect(WindowAllowance.base(total: total, streams: 2, full: 1024) == 1024)
    }

    @Test func aReaderThatHasReadNothingGetsLittle() {
        var (allowance, budget) = (responses(), WindowBudget(total: 64 << 20))
        // Credit before any DATA says nothing about reading.
        allowance.creditCame(1 << 30)
        var grants = [WindowGrant](repeating: .none, count: 100)
        for index in grants.indices {
            while case .grown = allowance.widen(&grants[index], BandwidthEstimate(most: 0), &budget) {}
        }
        #expect(allowance.inUse == WindowAllowance.unproven)
        #expect(budget.granted == allowance.inUse)
    }

    @Test func windowsAreEarnedByReading() {
        var (allowance, budget) = (responses(), WindowBudget(total: 64 << 20))
        var grants = [WindowGrant](repeating: .none, count: 50)
        func growAll() -> Int {
            for index in grants.indices { _ = allowance.widen(&grants[index], BandwidthEstimate(most: 0), &budget) }
            return allowance.inUse
        }
        #expect(growAll() <= WindowAllowance.unproven)
        allowance.took(500_000)
        allowance.creditCame(300_000)
        for _ in 0..<5 { _ = growAll() }
        #expect(growAll() == WindowAllowance.unproven + 300_000)
        // A reader with windows so wide that it sends no credit: bytes that are in no buffer any more have been read.
        allowance.took(WindowAllowance.unread + 600_000)
        for _ in 0..<5 { _ = growAll() }
        #expect(growAll() == WindowAllowance.unproven + 1_100_000)
    }

    @Test func growsInStepsUpToAFullWindow() {
        var (allowance, budget) = (responses(isEarned: false), WindowBudget(total: 64 << 20))
        var grant = WindowGrant.none
        #expect(allowance.widen(&grant, BandwidthEstimate(most: 0), &budget) == .grown(by: 3 * 5242, unconsumed: 0))
        #expect(
            allowance.widen(&grant, BandwidthEstimate(most: 0), &budget) == .grown(by: full - 5242, unconsumed: 0))
        #expect(allowance.widen(&grant, BandwidthEstimate(most: 0), &budget) == .measure)
        #expect(grant.inUse == full - allowance.base)
    }

    @Test func growsBeyondByWhatWasMeasured() {
        var (allowance, budget) = (responses(isEarned: false), WindowBudget(total: 64 << 20))
        var grant = WindowGrant.none
        let estimate = measured(1_000_000)
        while case .grown = allowance.widen(&grant, estimate, &budget) {}
        #expect(allowance.base + grant.inUse == 1_000_000)
        #expect(allowance.widen(&grant, estimate, &budget) == .measure)
    }

    @Test func aConnectionsGrowthIsBounded() {
        var (allowance, budget) = (responses(most: 100_000, isEarned: false), WindowBudget(total: 64 << 20))
        var grants = [WindowGrant](repeating: .none, count: 100)
        for _ in 0..<10 {
            for index in grants.indices { _ = allowance.widen(&grants[index], measured(1 << 20), &budget) }
        }
        #expect(allowance.inUse == 100_000)
        #expect(budget.granted == 100_000)
        for grant in grants { allowance.takeBack(grant, to: &budget) }
        #expect(allowance.held == 0 && budget.granted == 0)
    }

    @Test func aRestingStreamLeavesItsShareAndGetsItBack() {
        var (allowance, budget) = (responses(most: full, isEarned: false), WindowBudget(total: 64 << 20))
        var (quiet, busy) = (WindowGrant.none, WindowGrant.none)
        while case .grown = allowance.widen(&quiet, BandwidthEstimate(most: 0), &budget) {}
        let size = quiet.inUse
        while case .grown = allowance.widen(&busy, BandwidthEstimate(most: 0), &budget) {}
        #expect(busy.inUse < size)
        quiet = allowance.rest(size)
        #expect(quiet == .resting(size: size, owed: size))
        // Its sender may still use what it was granted, so that goes on counting for the worker.
        #expect(allowance.owed == size && budget.granted == allowance.held)
        while case .grown = allowance.widen(&busy, BandwidthEstimate(most: 0), &budget) {}
        #expect(busy.inUse == size)
        // 1,000 bytes of what it was granted have been used.
        allowance.paid(1000, to: &budget)
        quiet = .resting(size: size, owed: size - 1000)
        #expect(budget.granted == allowance.held)
        #expect(allowance.widen(&quiet, BandwidthEstimate(most: 0), &budget) == .none)
        allowance.takeBack(busy, to: &budget)
        #expect(allowance.widen(&quiet, BandwidthEstimate(most: 0), &budget) == .grown(by: size, unconsumed: 1000))
        #expect(allowance.owed == 0 && allowance.inUse == size && budget.granted == size)
    }

    @Test func aStreamThatEndsWhileItRestsOwesNothing() {
        var (allowance, budget) = (responses(isEarned: false), WindowBudget(total: 64 << 20))
        var grant = WindowGrant.none
        _ = allowance.widen(&grant, BandwidthEstimate(most: 0), &budget)
        grant = allowance.rest(grant.inUse)
        allowance.takeBack(grant, to: &budget)
        #expect(allowance.held == 0 && budget.granted == 0)
    }

    @Test func guessFollowsRecentResponses() {
        var guess = ResponseSizeGuess()
        #expect(!guess.expectsLarge)
        guess.take(isLarge: true)
        for _ in 1..<ResponseSizeGuess.memory {
            guess.take(isLarge: false)
            #expect(guess.expectsLarge)
        }
        guess.take(isLarge: false)
        #expect(!guess.expectsLarge)
    }
}
