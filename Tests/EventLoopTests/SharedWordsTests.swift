import EventLoop
import Glibc
import Ground
import Testing

@Suite struct SharedWordTests {
    @Test func isSeenByAllWhoShareIt() throws {
        let first = try SharedWord(named: "test")
        #expect(first.load() == 0)
        first.store(7)
        let second = try SharedWord(sharing: first.descriptor)
        #expect(second.load() == 7)
        second.store(.max)
        #expect(first.load() == .max)
    }

    @Test func isStoredOnlyOverWhatIsExpected() throws {
        let first = try SharedWord(named: "test")
        let second = try SharedWord(sharing: first.descriptor)
        #expect(first.compareExchange(expected: 0, desired: 1) == 0)
        #expect(second.compareExchange(expected: 0, desired: 2) == 1)
        #expect(first.load() == 1)
    }

    @Test func refusesAFileThatIsTooShort() throws {
        let empty = try unsafe FileDescriptor(open("/dev/null", O_RDWR), "open")
        #expect(throws: SystemError.self) { try SharedWord(sharing: empty) }
    }
}
