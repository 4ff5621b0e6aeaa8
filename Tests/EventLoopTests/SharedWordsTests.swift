import EventLoop
import Glibc
import Ground
import Testing

@Suite struct SharedWordsTests {
    @Test func isSeenByAllWhoShareIt() throws {
        let first = try SharedWords(named: "test")
        #expect(first.load() == 0)
        first.store(7)
        let second = try SharedWords(sharing: first.descriptor)
        #expect(second.load() == 7)
        second.store(.max)
        #expect(first.load() == .max)
    }

    @Test func wordsAreIndependent() throws {
        let words = try SharedWords(named: "test")
        words.store(1, 0)
        words.store(2, 2)
        words.store(3, SharedWords.count - 1)
        let shared = try SharedWords(sharing: words.descriptor)
        #expect([0, 1, 2, SharedWords.count - 1].map { shared.load($0) } == [1, 0, 2, 3])
    }

    @Test func isStoredOnlyOverWhatIsExpected() throws {
        let first = try SharedWords(named: "test")
        let second = try SharedWords(sharing: first.descriptor)
        #expect(first.compareExchange(expected: 0, desired: 1) == 0)
        #expect(second.compareExchange(expected: 0, desired: 2) == 1)
        #expect(first.load() == 1)
    }

    @Test func refusesAFileThatIsTooShort() throws {
        let empty = try unsafe FileDescriptor(open("/dev/null", O_RDWR), "open")
        #expect(throws: SystemError.self) { try SharedWords(sharing: empty) }
    }
}
