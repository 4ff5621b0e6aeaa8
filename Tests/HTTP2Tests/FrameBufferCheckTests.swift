import Testing

import HTTP2

@Suite struct FrameBufferCheckTests {
    /// Debian's libnghttp2 has such a buffer. Where a later one has not, this test tells; the Proxy does without.
    @Test func holdsForThisLibrary() {
        #expect(FrameBufferCheck.holds(for: SessionMemory.frameBufferSizes))
        #expect(FrameBufferCheck.lentSizes == SessionMemory.frameBufferSizes)
    }

    /// No block of such a size, or another block than the frame buffer: the library's own tables lie below.
    @Test(arguments: [2_112...2_112, 2_112...16_000, 16_440...16_448])
    func wrongGuess(sizes: ClosedRange<Int>) {
        #expect(!FrameBufferCheck.holds(for: sizes))
    }

    /// Were the bytes needed for longer, it would be seen.
    @Test func noticesBytesThatAreNeededLonger() {
        #expect(!FrameBufferCheck.holds(for: SessionMemory.frameBufferSizes, disturbing: .beforeTheCopy))
    }
}
