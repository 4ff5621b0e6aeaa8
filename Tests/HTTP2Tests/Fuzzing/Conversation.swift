import HTTP2
import TestSupport

/// One side's half of a conversation as a well-behaved peer sends it, frame by frame, and the messages that the other
/// side must deliver.
struct Conversation {
    /// The messages of one stream.
    struct Message: Equatable {
        var informational: [[String]] = []
        var head: [String] = []
        var body: [UInt8] = []
        var trailers: [String]?
    }

    /// Frames in the order of sending, without a client's preface.
    private(set) var frames: [[UInt8]] = []
    private(set) var messages: [StreamID: Message] = [:]

    private var fields = HPACKWriter()
    private var open: [StreamID: Step] = [:]
    private let isClient: Bool
    /// CONTINUATION frames still allowed: libnghttp2 1.52 ends a session that gets more.
    private var continuationsLeft = 8

    private enum Step {
        case head
        case body(framesLeft: Int)
    }

    /// A client's requests, or a server's responses to requests on the first odd streams.
    ///
    /// - Parameter streams: number of streams.
    init(from sender: Session.Role, streams: Int, using random: inout SplitMix) {
        isClient = sender == .client
        frames.append(FrameBytes.frame(FrameBytes.Kind.settings, 0, 0, Self.settings(using: &random)))
        frames.append(FrameBytes.frame(FrameBytes.Kind.settings, FrameBytes.Flag.acknowledges))
        let identifiers = (0..<streams).map { StreamID(2 * $0 + 1) }
        // A server may answer in any order; a client's stream ids only rise.
        var waiting = isClient ? identifiers : identifiers.shuffled(using: &random)
        while !waiting.isEmpty || !open.isEmpty {
            if !waiting.isEmpty, open.isEmpty || Int.random(in: 0..<3, using: &random) == 0 {
                let stream = waiting.removeFirst()
                messages[stream] = Message()
                open[stream] = .head
                advance(stream, using: &random)
            } else if let stream = open.keys.sorted().randomElement(using: &random) {
                advance(stream, using: &random)
            }
            if Int.random(in: 0..<4, using: &random) == 0 { frames.append(control(using: &random)) }
        }
    }

    private static func settings(using random: inout SplitMix) -> [UInt8] {
        // ENABLE_PUSH is for clients only; the other entries are what real peers send.
        let known: [(UInt8, UInt32)] = [(3, 100), (4, 65_535), (4, 1 << 20), (6, 16_384), (1, 4_096)]
        return known.filter { _ in Bool.random(using: &random) }.flatMap { [0, $0.0] + FrameBytes.bigEndian($0.1) }
    }

    private mutating func advance(_ stream: StreamID, using random: inout SplitMix) {
        switch open[stream] {
        case .head:
            if !isClient, Int.random(in: 0..<5, using: &random) == 0 {
                let interim = [(name: ":status", value: "103"), (name: "link", value: "<x>")]
                messages[stream]?.informational.append(interim.map { "\($0.name)=\($0.value)" })
                return headers(interim, endStream: false, on: stream, using: &random)
            }
            let head = isClient ? Self.requestHead(using: &random) : Self.responseHead(using: &random)
            let endStream = Int.random(in: 0..<4, using: &random) == 0
            messages[stream]?.head = head.map { "\($0.name)=\($0.value)" }
            headers(head, endStream: endStream, on: stream, using: &random)
            open[stream] = endStream ? nil : .body(framesLeft: Int.random(in: 0...3, using: &random))
        case .body(let framesLeft) where framesLeft > 0:
            data(endStream: false, on: stream, using: &random)
            open[stream] = .body(framesLeft: framesLeft - 1)
        case .body:
            if Bool.random(using: &random) {
                data(endStream: true, on: stream, using: &random)
            } else {
                let trailers = [(name: "grpc-status", value: "0")] + Self.extraFields(using: &random)
                messages[stream]?.trailers = trailers.map { "\($0.name)=\($0.value)" }
                headers(trailers, endStream: true, on: stream, using: &random)
            }
            open[stream] = nil
        case nil:
            break
        }
    }

    private static func requestHead(using random: inout SplitMix) -> [(name: String, value: String)] {
        [
            (":method", "POST"), (":scheme", "http"), (":path", "/s/m\(Int.random(in: 0..<4, using: &random))"),
            (":authority", "test"), ("content-type", "application/grpc"),
        ] + extraFields(using: &random)
    }

    private static func responseHead(using random: inout SplitMix) -> [(name: String, value: String)] {
        [(":status", "200"), ("content-type", "application/grpc")] + extraFields(using: &random)
    }

    private static func extraFields(using random: inout SplitMix) -> [(name: String, value: String)] {
        (0..<Int.random(in: 0...3, using: &random)).map { _ in
            let length = [0, 1, 20, 300].randomElement(using: &random)!
            return ("x-\(Int.random(in: 0..<5, using: &random))", String(repeating: "v", count: length))
        }
    }

    private mutating func headers(
        _ list: [(name: String, value: String)], endStream: Bool, on stream: StreamID, using random: inout SplitMix
    ) {
        var rest = fields.encode(list, using: &random)[...]
        var kind = FrameBytes.Kind.headers
        var flags = endStream ? FrameBytes.Flag.endStream : 0
        var prefix: [UInt8] = []
        var padding: [UInt8] = []
        if Int.random(in: 0..<4, using: &random) == 0 {
            padding = [UInt8](repeating: 0, count: Int.random(in: 0..<20, using: &random))
            prefix.append(UInt8(padding.count))
            flags |= FrameBytes.Flag.padded
        }
        if Int.random(in: 0..<4, using: &random) == 0 {
            prefix += [0, 0, 0, 0, 15]
            flags |= FrameBytes.Flag.priority
        }
        repeat {
            let isLast = continuationsLeft == 0 || Int.random(in: 0..<4, using: &random) > 0
            let length = isLast ? rest.count : Int.random(in: 0...rest.count, using: &random)
            let ends = length == rest.count
            frames.append(
                FrameBytes.frame(
                    kind, flags | (ends ? FrameBytes.Flag.endHeaders : 0), stream,
                    prefix + rest.prefix(length) + padding))
            rest = rest.dropFirst(length)
            (kind, flags, prefix, padding) = (FrameBytes.Kind.continuation, 0, [], [])
            if ends { return }
            continuationsLeft -= 1
        } while true
    }

    private mutating func data(endStream: Bool, on stream: StreamID, using random: inout SplitMix) {
        let length = [0, 1, 50, 700].randomElement(using: &random)!
        let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
        messages[stream]?.body += bytes
        var flags = endStream ? FrameBytes.Flag.endStream : 0
        var payload = bytes
        if Int.random(in: 0..<4, using: &random) == 0 {
            let padding = Int.random(in: 0..<30, using: &random)
            payload = [UInt8(padding)] + bytes + [UInt8](repeating: 0, count: padding)
            flags |= FrameBytes.Flag.padded
        }
        frames.append(FrameBytes.frame(FrameBytes.Kind.data, flags, stream, payload))
    }

    /// A frame that moves nothing. None comes within a header block, as `headers` writes a block's frames together.
    private func control(using random: inout SplitMix) -> [UInt8] {
        switch Int.random(in: 0..<5, using: &random) {
        case 0: FrameBytes.frame(FrameBytes.Kind.ping, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8])
        case 1: FrameBytes.frame(FrameBytes.Kind.windowUpdate, 0, 0, FrameBytes.bigEndian(1_000))
        case 2: FrameBytes.frame(FrameBytes.Kind.priority, 0, 2_147_483_647, [0, 0, 0, 0, 1])
        case 3: FrameBytes.frame(FrameBytes.Kind.settings)
        default: FrameBytes.frame(0x77, 0xff, 0, [1, 2, 3])
        }
    }
}
