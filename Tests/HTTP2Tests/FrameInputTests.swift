import HTTP2
import Testing

@Suite struct FrameInputTests {
    private typealias Kind = FrameBytes.Kind
    private typealias Flag = FrameBytes.Flag

    private enum Seen: Equatable {
        /// Bytes passed to libnghttp2, adjacent pieces joined.
        case through([UInt8])
        case block(StreamID, endsStream: Bool, [UInt8], FrameInput.Extent)
        case priority(StreamID, on: StreamID, [UInt8])
        case interrupted(StreamID)
        case oversized
        case pushPromise
    }

    private func input(
        preface: Int = 0, isServer: Bool = true, passesPushPromises: Bool = false
    ) -> FrameInput {
        FrameInput(preface: preface, isServer: isServer, passesPushPromises: passesPushPromises)
    }

    /// Feeds bytes in portions until an error.
    private func take(_ bytes: [UInt8], portion: Int = .max, into input: inout FrameInput) -> [Seen] {
        var seen: [Seen] = []
        var start = 0
        while start < bytes.count {
            let end = portion < bytes.count - start ? start + portion : bytes.count
            var isOver = false
            unsafe bytes[start..<end].withUnsafeBytes { part in
                var rest = unsafe part
                while !isOver, let piece = unsafe input.next(&rest) {
                    let next = Self.copy(piece)
                    if case .through(let more) = next, case .through(let before)? = seen.last {
                        seen[seen.count - 1] = .through(before + more)
                    } else {
                        seen.append(next)
                    }
                    switch next {
                    case .interrupted, .oversized, .pushPromise: isOver = true
                    default: break
                    }
                }
            }
            if isOver { break }
            start = end
        }
        return seen
    }

    private static func copy(_ piece: FrameInput.Piece) -> Seen {
        switch piece {
        case .through(let bytes): unsafe .through(Array(bytes))
        case .kept(let bytes): .through(bytes)
        case .block(let frame, let bytes, let extent):
            unsafe .block(frame.stream, endsStream: frame.endsStream, Array(bytes), extent)
        case .keptBlock(let frame, let bytes, let extent):
            .block(frame.stream, endsStream: frame.endsStream, bytes, extent)
        case .priority(let frame): .priority(frame.stream, on: frame.dependency, frame.bytes)
        case .interrupted(let frame): .interrupted(frame.stream)
        case .oversized: .oversized
        case .pushPromise: .pushPromise
        }
    }

    /// Expects the same from bytes in one piece and in portions of any size.
    private func expect(
        _ bytes: [UInt8], _ expected: [Seen], preface: Int = 0, passesPushPromises: Bool = false,
        _ location: SourceLocation = #_sourceLocation
    ) {
        for portion in [1, 2, 3, 5, 8, 9, 10, 11, 14, 100, .max] {
            var input = input(preface: preface, passesPushPromises: passesPushPromises)
            let seen = take(bytes, portion: portion, into: &input)
            #expect(seen == expected, "portions of \(portion)", sourceLocation: location)
        }
    }

    private func headers(
        _ block: [UInt8], _ flags: UInt8 = Flag.endHeaders, on stream: StreamID = 1
    ) -> [UInt8] { FrameBytes.frame(Kind.headers, flags, stream, block) }

    private let settings = FrameBytes.frame(Kind.settings, 0, 0, [0, 3, 0, 0, 0, 100])
    private let data = FrameBytes.frame(Kind.data, 0, 1, [1, 2, 3])

    @Test func thePrefaceAndOtherFramesGoThrough() {
        let bytes =
            FrameBytes.preface + settings + data + FrameBytes.frame(Kind.ping, 0, 0, [UInt8](repeating: 7, count: 8))
        expect(bytes, [.through(bytes)], preface: FrameBytes.preface.count)
    }

    @Test func headerBlocksAreTakenOut() {
        expect(
            settings + headers([0x82, 0x86]) + data + headers([0x84], Flag.endHeaders | Flag.endStream, on: 3),
            [
                .through(settings), .block(1, endsStream: false, [0x82, 0x86], .whole), .through(data),
                .block(3, endsStream: true, [0x84], .whole),
            ])
        expect(headers([]), [.block(1, endsStream: false, [], .whole)])
    }

    /// RFC 9113, section 6.2.
    @Test func paddingAndPriorityAreLeftOut() {
        let flags = Flag.endHeaders | Flag.padded | Flag.priority
        expect(
            headers([2, 0, 0, 0, 5, 9, 0x82, 0x84, 0, 0], flags), [.block(1, endsStream: false, [0x82, 0x84], .whole)])
        // Padding alone fills the frame to its last byte.
        expect(headers([2, 0, 0], Flag.endHeaders | Flag.padded), [.block(1, endsStream: false, [], .whole)])
    }

    /// libnghttp2 reports what is wrong with them.
    @Test func wrongHeadersFramesGoThrough() {
        let wrong = [
            headers([3, 0, 0], Flag.endHeaders | Flag.padded), headers([], Flag.endHeaders | Flag.padded),
            headers([0, 0, 0, 5], Flag.endHeaders | Flag.priority),
            headers([UInt8](repeating: 0x82, count: 16_385)),
        ]
        for frame in wrong { expect(frame + settings, [.through(frame + settings)]) }
        let largest = [UInt8](repeating: 0x82, count: 16_384)
        expect(headers(largest), [.block(1, endsStream: false, largest, .whole)])
    }

    @Test func blocksOfSeveralFramesComeInOrder() {
        let more = FrameBytes.frame(Kind.continuation, 0, 1, [0x84])
        let last = FrameBytes.frame(Kind.continuation, Flag.endHeaders, 1, [0x87])
        expect(
            headers([0x82], Flag.endStream) + more + last + settings,
            [
                .block(1, endsStream: true, [0x82], .first), .block(1, endsStream: true, [0x84], .middle),
                .block(1, endsStream: true, [0x87], .last), .through(settings),
            ])
        var input = input()
        for (bytes, isWithin) in [(headers([0x82], 0), true), (more, true), (last, false)] {
            _ = take(bytes, into: &input)
            #expect(input.isWithinBlock == isWithin)
        }
        _ = take(Array(headers([0x82]).dropLast()), into: &input)
        #expect(input.isWithinBlock, "half of a frame's payload")
    }

    /// RFC 9113, section 6.10.
    @Test func nothingComesBetweenTheFramesOfABlock() {
        let others = [
            data, settings, headers([0x82]), FrameBytes.frame(Kind.continuation, Flag.endHeaders, 3, [0x84]),
            FrameBytes.frame(Kind.priority, 0, 1, [0, 0, 0, 0, 1]),
            FrameBytes.frame(Kind.pushPromise, 0, 1, [0, 0, 0, 2]),
        ]
        for other in others {
            expect(headers([0x82], 0) + other, [.block(1, endsStream: false, [0x82], .first), .interrupted(1)])
        }
        let oversized = FrameBytes.frame(Kind.continuation, 0, 1, [UInt8](repeating: 0, count: 16_385))
        expect(headers([0x82], 0) + oversized, [.block(1, endsStream: false, [0x82], .first), .oversized])
        // Outside of a block, libnghttp2 handles it.
        let alone = FrameBytes.frame(Kind.continuation, 0, 1, [0x84])
        expect(alone, [.through(alone)])
    }

    /// RFC 7540, section 6.3.
    @Test func prioritiesAreTakenOutIfTheirLengthIsRight() {
        let frame = FrameBytes.frame(Kind.priority, 0, 5, [0x80, 0, 0, 3, 16])
        expect(settings + frame, [.through(settings), .priority(5, on: 3, frame)])
        let wrong = FrameBytes.frame(Kind.priority, 0, 5, [0, 0, 0, 3])
        expect(wrong, [.through(wrong)])
    }

    @Test func pushPromisesArePassedOnOnlyIfTheyEndTheSession() {
        let frame = FrameBytes.frame(Kind.pushPromise, Flag.endHeaders, 1, [0, 0, 0, 2, 0x82])
        expect(settings + frame, [.through(settings), .pushPromise])
        expect(settings + frame, [.through(settings + frame)], passesPushPromises: true)
    }

    /// RFC 9113, section 5.1.
    @Test(arguments: [1, 9, .max]) func dataOnAStreamThatHasEndedIsNoted(portion: Int) {
        let last = FrameBytes.frame(Kind.data, Flag.endStream, 1, [4])
        let reset = FrameBytes.frame(Kind.resetStream, 0, 3, [0, 0, 0, 8])
        let other = FrameBytes.frame(Kind.data, 0, 3, [5])
        var input = input()
        for stream in [1, 3] as [StreamID] { _ = input.streams.headers(on: stream, endsStream: false) }
        _ = take(data + last + other, portion: portion, into: &input)
        #expect(input.strays == [])
        _ = take(settings + data + reset + other, portion: portion, into: &input)
        #expect(input.takeStrays() == [1, 3])
        #expect(input.takeStrays() == [])

        var client = self.input(isServer: false)
        _ = client.streams.headers(on: 1, endsStream: true)
        _ = take(data, portion: portion, into: &client)
        #expect(client.strays == [], "a server's streams are the client's own")
    }
}
