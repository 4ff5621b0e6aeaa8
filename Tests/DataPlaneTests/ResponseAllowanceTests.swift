import DataPlane
import Testing

@Suite struct ResponseAllowanceTests {
    private let total = 1 << 20

    @Test func neverGivesMoreThanMayWait() {
        var allowance = ResponseAllowance(total: total, streams: 100, full: 65_535)
        var given = [Int](repeating: 0, count: 100)
        for round in 0..<1000 {
            given[round % 100] += allowance.grow(given: given[round % 100])
            let granted = given.reduce(100 * allowance.base, +)
            #expect(granted <= total)
            #expect(given.allSatisfy { allowance.base + $0 <= 65_535 })
        }
        #expect(allowance.left == 0)
        // Whoever gives back makes room for others.
        allowance.takeBack(given[0])
        #expect(allowance.left == given[0])
    }

    @Test func growsInStepsUpToAFullWindow() {
        var allowance = ResponseAllowance(total: total, streams: 100, full: 65_535)
        #expect(allowance.base == 5242)
        let first = allowance.grow(given: 0)
        #expect(first == 3 * 5242)
        let second = allowance.grow(given: first)
        #expect(allowance.base + first + second == 65_535)
        #expect(allowance.grow(given: first + second) == 0)
    }

    @Test func smallLimits() {
        // As many streams as would leave each next to nothing: the least base, and no more than that.
        var many = ResponseAllowance(total: total, streams: 100_000, full: 65_535)
        #expect(many.base == ResponseAllowance.leastBase)
        #expect(many.grow(given: 0) == 0)
        // A full window that is smaller than the share.
        var narrow = ResponseAllowance(total: total, streams: 2, full: 1024)
        #expect(narrow.base == 1024)
        #expect(narrow.grow(given: 0) == 0)
    }

    @Test func guessFollowsWhatCame() {
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
