import HTTP2
import TestSupport

/// A stream of a watched session, with what its owner is to send.
final class WatchedStream: StreamContext {
    var message = Conversation.Message()
    var hasHead = false
    var hasEnded = false
    var isClosed = false

    /// Bytes of the body still to be sent.
    var unsent = 0
    var sendsTrailers = false
    var isWaiting = false
}

/// A session whose owner takes random actions, any that an owner may take. It records every event that breaks a promise
/// of `Session` to its subclasses.
final class WatchedSession: Session {
    private let blocks: HeaderListPool
    private var random: SplitMix
    /// Acts only as a well-behaved owner, so that valid input must have valid results.
    private let isPlain: Bool
    private(set) var streams: [StreamID: WatchedStream] = [:]
    private(set) var broken: [String] = []
    /// Bytes of bodies handed to libnghttp2.
    private(set) var bodyBytes = 0

    static let limits = SessionSettings(maxConcurrentStreams: 8, maxHeaderListSize: 4_096, maxHeaderFields: 20)

    init(_ role: Role, isPlain: Bool, random: SplitMix) {
        blocks = HeaderListPool()
        self.isPlain = isPlain
        self.random = random
        super.init(role: role, settings: Self.limits, headerLists: blocks, memory: SessionMemory())
    }

    private func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    private func expect(_ condition: Bool, _ promise: @autoclosure () -> String) {
        if !condition { broken.append(promise()) }
    }

    private func block(_ fields: (String, String)...) -> HeaderList {
        let block = blocks.take()
        for (name, value) in fields { block.append(name: name, value: value) }
        return block
    }

    private func watched(_ stream: StreamID, _ context: StreamContext) -> WatchedStream {
        let watched = context as! WatchedStream
        expect(streams[stream] === watched, "an event of stream \(stream) carries its own context")
        expect(!watched.isClosed, "stream \(stream) has no event after its end")
        return watched
    }

    private func text(_ block: HeaderList) -> [String] {
        // Three more: those that tell the kind of call and how it ended.
        expect(block.list.count <= Self.limits.maxHeaderFields + 3, "a header list keeps to its limit")
        return block.list.map { "\($0.name)=\($0.value)" }
    }

    // MARK: The owner's actions

    func request(hasBody: Bool) {
        let stream = WatchedStream()
        stream.unsent = hasBody ? Int.random(in: 0..<2_000, using: &random) : 0
        stream.sendsTrailers = hasBody && chance(30)
        let head = block((":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "x"))
        if let identifier = try? submitRequest(head, endStream: !hasBody, context: stream) {
            streams[identifier] = stream
        }
        blocks.give(head)
    }

    /// Takes actions between two pieces of input.
    func actAtRandom() {
        guard
            let (identifier, stream) = streams.min(by: { $0.key < $1.key }).flatMap({ first in
                chance(50) ? first : streams.sorted { $0.key < $1.key }.randomElement(using: &random)
            })
        else { return }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<25:
            // Also on ended streams, as an owner may not know that yet.
            stream.isWaiting = false
            resume(identifier)
        case 25..<32 where !stream.isClosed: reset(identifier, .cancel)
        case 32..<36: submitPing(1)
        case 36..<38 where role == .server: submitShutdownNotice()
        case 38..<40: submitGoAway()
        case 40..<41: terminate(.enhanceYourCalm)
        case 41..<48 where role == .server && stream.hasHead && !stream.isClosed: respond(identifier, stream)
        default: break
        }
    }

    private func respond(_ identifier: StreamID, _ stream: WatchedStream) {
        if chance(10) {
            let interim = block((":status", "103"))
            submitInformational(interim, on: identifier)
            blocks.give(interim)
        }
        stream.unsent = Int.random(in: 0..<3_000, using: &random)
        stream.sendsTrailers = chance(50)
        let head = block((":status", "200"), ("content-type", "application/grpc"))
        submitResponse(head, endStream: chance(20), on: identifier, context: stream)
        blocks.give(head)
    }

    // MARK: Events

    override func requestBegan(on stream: StreamID) -> StreamContext {
        expect(role == .server, "only servers are asked")
        expect(streams[stream] == nil, "stream \(stream) begins once")
        let watched = WatchedStream()
        streams[stream] = watched
        return watched
    }

    override func requestReceived(
        _ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext
    ) {
        headReceived(head, endStream: endStream, on: stream, context)
        let watched = context as! WatchedStream
        if isPlain { return respond(stream, watched) }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<60: respond(stream, watched)
        case 60..<70: reset(stream, .internalError)
        default: break
        }
    }

    override func responseReceived(
        _ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext
    ) {
        headReceived(head, endStream: endStream, on: stream, context)
        if !isPlain, chance(10) { reset(stream, .cancel) }
    }

    private func headReceived(_ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext) {
        let watched = watched(stream, context)
        expect(!watched.hasHead && !watched.hasEnded, "stream \(stream) has one head, before its end")
        watched.hasHead = true
        watched.hasEnded = endStream
        watched.message.head = text(head)
        blocks.give(head)
    }

    override func informationalReceived(_ head: HeaderList, on stream: StreamID, _ context: StreamContext) {
        let watched = watched(stream, context)
        expect(role == .client && !watched.hasHead, "interim responses come before stream \(stream)'s head")
        watched.message.informational.append(text(head))
        blocks.give(head)
    }

    override func trailersReceived(_ trailers: HeaderList, on stream: StreamID, _ context: StreamContext) {
        let watched = watched(stream, context)
        expect(watched.hasHead && !watched.hasEnded, "trailers of stream \(stream) come once, behind its head")
        watched.hasEnded = true
        watched.message.trailers = text(trailers)
        blocks.give(trailers)
    }

    override func dataReceived(_ bytes: UnsafeRawBufferPointer, on stream: StreamID, _ context: StreamContext) {
        let watched = watched(stream, context)
        expect(watched.hasHead && !watched.hasEnded, "DATA of stream \(stream) comes between its head and its end")
        unsafe watched.message.body += bytes
        if isPlain || chance(80) { consume(bytes.count, on: stream) }
    }

    override func endReceived(on stream: StreamID, _ context: StreamContext) {
        let watched = watched(stream, context)
        expect(watched.hasHead && !watched.hasEnded, "stream \(stream) ends once, behind its head")
        watched.hasEnded = true
    }

    override func resetReceived(_ code: ErrorCode, on stream: StreamID, _ context: StreamContext) {
        _ = watched(stream, context)
    }

    override func body(
        of stream: StreamID, _ context: StreamContext, into buffer: UnsafeMutableRawBufferPointer
    ) -> Body {
        let watched = watched(stream, context)
        if !isPlain, chance(20) {
            watched.isWaiting = true
            return .nothingYet
        }
        let count = min(watched.unsent, buffer.count)
        unsafe buffer.prefix(count).initializeMemory(as: UInt8.self, repeating: 7)
        watched.unsent -= count
        bodyBytes += count
        guard watched.unsent == 0 else { return .bytes(count) }
        guard watched.sendsTrailers else { return .last(count) }
        let trailers = block(("grpc-status", "0"))
        submitTrailers(trailers, on: stream)
        blocks.give(trailers)
        return .lastBeforeTrailers(count)
    }

    override func endSent(on stream: StreamID, _ context: StreamContext) {
        _ = watched(stream, context)
    }

    override func streamClosed(_ stream: StreamID, _ code: ErrorCode, _ context: StreamContext) {
        watched(stream, context).isClosed = true
    }
}
