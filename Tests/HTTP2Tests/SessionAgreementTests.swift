import HTTP2
import TestSupport
import Testing

/// `Session` decodes and judges header lists itself and shows libnghttp2 only a digest. On any input, it must deliver
/// the same messages and send the same answers as a session of libnghttp2 that sees the full header lists.
@Suite("Agreement with libnghttp2") struct SessionAgreementTests {
    /// Larger than anything in the cases, so that none of `Session`'s own limits is reached.
    private static let settings = SessionSettings(
        maxConcurrentStreams: 8, maxHeaderListSize: 1 << 20, maxHeaderFields: 10_000)

    @Test("Sound frames", arguments: FuzzCases.shares)
    func soundFrames(cases: FuzzCases) {
        cases.forEach(standard: 3_000) { number, random in
            Self.compare(number, mutations: 0, &random)
        }
    }

    @Test("Damaged frames", arguments: FuzzCases.shares)
    func damagedFrames(cases: FuzzCases) {
        cases.forEach(standard: 12_000) { number, random in
            Self.compare(number, mutations: Int.random(in: 1...4, using: &random), &random)
        }
    }

    /// Heads and trailers with the fields that decide about a message, in any order and number.
    @Test("Strange header lists", arguments: FuzzCases.shares)
    func strangeLists(cases: FuzzCases) {
        cases.forEach(standard: 20_000) { number, random in
            let role: Session.Role = Bool.random(using: &random) ? .server : .client
            let frames = StrangeMessages.frames(to: role, using: &random)
            Self.compare(number, role, frames, &random)
        }
    }

    /// Blocks of random bytes, on each of which the decoders must agree.
    @Test("Strange blocks", arguments: FuzzCases.shares)
    func strangeBlocks(cases: FuzzCases) {
        cases.forEach(standard: 20_000) { number, random in
            var frames = [FrameBytes.frame(FrameBytes.Kind.settings)]
            for stream in stride(from: Int32(1), to: 9, by: 2) {
                let block = StrangeMessages.block(using: &random)
                let flags = FrameBytes.Flag.endHeaders | FrameBytes.Flag.endStream
                frames.append(FrameBytes.frame(FrameBytes.Kind.headers, flags, stream, block))
            }
            Self.compare(number, .server, frames, &random)
        }
    }

    /// A few lists over and over, as calls have them, while the tables change now and then.
    @Test("Lists that come again", arguments: FuzzCases.shares)
    func listsThatComeAgain(cases: FuzzCases) {
        cases.forEach(standard: 2_000) { number, random in
            var encoder = HPACKEncoder(role: .client)
            let lists = (0..<6).map { _ in
                [TestField(":method", "POST"), TestField(":scheme", "http"), TestField(":path", "/x")]
                    + StrangeMessages.requestLists.randomElement(using: &random)!
            }
            var frames = [FrameBytes.frame(FrameBytes.Kind.settings)]
            for stream in stride(from: Int32(1), to: 81, by: 2) {
                var list = lists.randomElement(using: &random)!
                if Int.random(in: 0..<10, using: &random) == 0 { list.append(TestField("x", "\(stream % 6)")) }
                let flags = FrameBytes.Flag.endHeaders | (Bool.random(using: &random) ? FrameBytes.Flag.endStream : 0)
                frames.append(FrameBytes.frame(FrameBytes.Kind.headers, flags, stream, encoder.encode(list)))
                frames.append(FrameBytes.frame(FrameBytes.Kind.resetStream, 0, stream, [0, 0, 0, 8]))
            }
            Self.compare(number, .server, frames, &random)
        }
    }

    /// The same field means different things in a head and in trailers.
    @Test("Fields of heads that come again in trailers", arguments: ["host", "content-length", "te", "x"])
    func fieldsInTrailers(name: String) {
        for value in ["3", "trailers"] {
            for isInHead in [true, false] {
                var (writer, random) = (HPACKWriter(), SplitMix(seed: 1))
                let field = [(name: name, value: value)]
                let head = StrangeMessages.requestHead + (isInHead ? field : [])
                let flags = FrameBytes.Flag.endHeaders
                let frames = [
                    FrameBytes.frame(FrameBytes.Kind.settings),
                    FrameBytes.frame(FrameBytes.Kind.headers, flags, 1, writer.encode(head, using: &random)),
                    FrameBytes.frame(FrameBytes.Kind.data, 0, 1, [1, 2, 3]),
                    FrameBytes.frame(
                        FrameBytes.Kind.headers, flags | FrameBytes.Flag.endStream, 1,
                        writer.encode(field, using: &random)),
                ]
                Self.compare(0, .server, frames, &random)
            }
        }
    }

    private static func compare(_ number: Int, mutations: Int, _ random: inout SplitMix) {
        let role: Session.Role = Bool.random(using: &random) ? .server : .client
        let count = Int.random(in: 1...6, using: &random)
        var frames = Conversation(from: role == .server ? .client : .server, streams: count, using: &random).frames
        for _ in 0..<mutations {
            FrameMutation.allCases.randomElement(using: &random)!.apply(to: &frames, using: &random)
        }
        compare(number, role, frames, isDamaged: mutations > 0, &random)
    }

    private static func compare(
        _ number: Int, _ role: Session.Role, _ frames: [[UInt8]], isDamaged: Bool = false, _ random: inout SplitMix
    ) {
        let plain = PlainSession(role, settings)
        let ours = AgreeingSession(role, settings)
        if role == .client {
            for _ in 0..<6 {
                let method = Int.random(in: 0..<4, using: &random) == 0 ? "HEAD" : "POST"
                plain.request(method: method)
                ours.request(method: method)
            }
            // Output up to here differs, as the two encoders do.
            _ = (plain.takeOutput(), ours.takeOutput())
        }
        let bytes = (role == .server ? FrameBytes.preface : []) + frames.joined()
        // In one piece, because libnghttp2 1.52 counts each piece of a CONTINUATION frame's header as a frame.
        let goesOn = plain.receive(bytes)
        let oursGoesOn = ours.receive(bytes, pieces: Int.random(in: 1...4, using: &random), &random)
        // A flood ends a session without GOAWAY, and the two count floods differently.
        guard goesOn, oursGoesOn else { return }
        // `Session` decodes a block when all of it has come, libnghttp2 piece by piece.
        guard !ours.isReceivingHeaders else { return }
        let (expected, output) = (withoutWords(plain.takeOutput()), withoutWords(ours.takeOutput()))
        let role = role == .server ? "server" : "client"
        // Clients that send on ended streams, or open streams out of order: libnghttp2 forgets closed streams, and
        // remembers the end of a stream with a malformed head only in some cases.
        if Misuse.isAmong(frames) {
            if endsInError(output) || endsInError(expected) { return }
            if withoutRefusals(output) == withoutRefusals(expected) { return }
        }
        if isDamaged {
            // Which error comes first in a block that another frame interrupts depends on that as well.
            if endsInError(output), endsInError(expected) { return }
            // A session that is finished ends between two calls, and `Session` makes more of them.
            if frames.contains(where: { $0[3] == FrameBytes.Kind.goAway }) { return }
            // libnghttp2 accepts PUSH_PROMISE until its SETTINGS are acknowledged, and CONTINUATION frames of any
            // length.
            let isStricter = frames.contains { frame in
                frame[3] == FrameBytes.Kind.pushPromise
                    || frame[3] == FrameBytes.Kind.continuation && (frame[0] > 0 || frame[1] > 0x40)
            }
            if isStricter, endsInError(output) { return }
        }
        guard output == expected else {
            Issue.record("case \(number), \(role): \(frames): \(output) instead of \(expected)")
            return
        }
        let ends = (plain.ended.sorted(), ours.ended.sorted())
        #expect(ends.0 == ends.1, "case \(number), \(role)")
        #expect(ours.messages == plain.messages, "case \(number), \(role)")
    }
}

/// Stream errors of a client, found in frames that may be damaged.
private enum Misuse {
    static func isAmong(_ frames: [[UInt8]]) -> Bool {
        var (ended, latest) = (Set<UInt32>(), UInt32(0))
        return frames.contains { frame in
            guard frame.count >= FrameBytes.headerLength else { return false }
            let stream = frame[5..<9].reduce(0) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
            defer {
                let endsStream = frame[3] <= FrameBytes.Kind.headers && frame[4] & FrameBytes.Flag.endStream != 0
                if endsStream || frame[3] == FrameBytes.Kind.resetStream { ended.insert(stream) }
                if frame[3] == FrameBytes.Kind.headers { latest = max(latest, stream) }
            }
            return switch frame[3] {
            case FrameBytes.Kind.headers: ended.contains(stream) || stream < latest
            case FrameBytes.Kind.data: ended.contains(stream) || stream < latest
            case FrameBytes.Kind.priority:
                stream == 0 || FrameBytes.bigEndian(stream) == Array(frame.dropFirst(9).prefix(4))
            default: false
            }
        }
    }
}

/// The frames without any RST_STREAM(STREAM_CLOSED).
private func withoutRefusals(_ frames: [[UInt8]]) -> [[UInt8]] {
    frames.filter { $0.count != 13 || $0[3] != FrameBytes.Kind.resetStream || $0[12] != 5 }
}

/// The frames, with the debug data of a GOAWAY removed.
private func withoutWords(_ bytes: [UInt8]) -> [[UInt8]] {
    var (frames, rest) = ([[UInt8]](), bytes[...])
    while rest.count >= FrameBytes.headerLength {
        let start = rest.startIndex
        let length = Int(rest[start]) << 16 | Int(rest[start + 1]) << 8 | Int(rest[start + 2])
        let frame = rest.prefix(FrameBytes.headerLength + length)
        let isGoAway = rest[start + 3] == FrameBytes.Kind.goAway
        frames.append(Array(isGoAway ? frame.dropFirst(3).prefix(14) : frame))
        rest = rest.dropFirst(frame.count)
    }
    return frames
}

/// Whether a GOAWAY with an error code is among the frames; its length and debug data don't matter.
private func endsInError(_ frames: [[UInt8]]) -> Bool {
    frames.contains { $0.count == 14 && $0[0] == FrameBytes.Kind.goAway && $0[10...] != [0, 0, 0, 0] }
}

/// A session that records its events.
private final class AgreeingSession: Session {
    private let blocks = HeaderListPool()
    private(set) var messages: [StreamID: Conversation.Message] = [:]
    private(set) var ended: Set<StreamID> = []
    private var contexts: [StreamContext] = []

    init(_ role: Role, _ settings: SessionSettings) {
        super.init(role: role, settings: settings, headerLists: blocks, memory: SessionMemory())
    }

    func request(method: String) {
        let head = blocks.take()
        head.append(":method", method)
        let context = StreamContext()
        contexts.append(context)
        _ = try? submitRequest(head, endStream: true, context: context)
        blocks.give(head)
    }

    /// - Returns: whether the session goes on.
    func receive(_ bytes: [UInt8], pieces: Int, _ random: inout SplitMix) -> Bool {
        var rest = bytes[...]
        for piece in 1...pieces {
            let count = piece == pieces ? rest.count : Int.random(in: 0...rest.count, using: &random)
            let part = Array(rest.prefix(count))
            rest = rest.dropFirst(count)
            do { try unsafe part.withUnsafeBytes { try unsafe receive($0) } } catch { return false }
        }
        return true
    }

    func takeOutput() -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { unsafe buffer.deallocate() }
        let count = unsafe (try? write(into: buffer)) ?? 0
        return unsafe Array(buffer[..<count])
    }

    private func take(
        _ block: HeaderList, _ change: (inout Conversation.Message, [String]) -> Void, _ stream: StreamID
    ) {
        change(&messages[stream, default: Conversation.Message()], block.list.map { "\($0.name)=\($0.value)" })
        blocks.give(block)
    }

    override func requestBegan(on stream: StreamID) -> StreamContext {
        contexts.append(StreamContext())
        return contexts[contexts.count - 1]
    }

    override func requestReceived(_ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext) {
        take(head, { $0.head = $1 }, stream)
        if endStream { ended.insert(stream) }
    }

    override func responseReceived(_ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext) {
        take(head, { $0.head = $1 }, stream)
        if endStream { ended.insert(stream) }
    }

    override func informationalReceived(_ head: HeaderList, on stream: StreamID, _ context: StreamContext) {
        take(head, { $0.informational.append($1) }, stream)
    }

    override func trailersReceived(_ trailers: HeaderList, on stream: StreamID, _ context: StreamContext) {
        take(trailers, { $0.trailers = $1 }, stream)
        ended.insert(stream)
    }

    override func dataReceived(_ bytes: UnsafeRawBufferPointer, on stream: StreamID, _ context: StreamContext) {
        unsafe messages[stream, default: Conversation.Message()].body += bytes
    }

    override func endReceived(on stream: StreamID, _ context: StreamContext) { ended.insert(stream) }
}
