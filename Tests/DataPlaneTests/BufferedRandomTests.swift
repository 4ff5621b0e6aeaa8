import DataPlane
import Testing

@Suite struct BufferedRandomTests {
    @Test func numbersAreSpreadAndDoNotRecur() {
        var random = BufferedRandom()
        let numbers = (0..<10_000).map { _ in random.next() }
        #expect(Set(numbers).count == numbers.count)
        // Each bit is set in half of the numbers, within six standard deviations of 50.
        for bit in 0..<64 {
            let set = numbers.count { $0 >> UInt64(bit) & 1 == 1 }
            #expect((4_700...5_300).contains(set), "bit \(bit): \(set)")
        }
    }

    @Test func anotherOneGivesOthers() {
        var (one, other) = (BufferedRandom(), BufferedRandom())
        #expect((0..<100).allSatisfy { _ in one.next() != other.next() })
    }
}
