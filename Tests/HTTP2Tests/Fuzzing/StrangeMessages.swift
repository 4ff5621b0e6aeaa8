import HTTP2
import TestSupport

/// Messages that are valid only by chance.
enum StrangeMessages {
    private static let requestFields = [
        (":method", "POST"), (":method", "CONNECT"), (":method", "OPTIONS"), (":method", "HEAD"),
        (":method", "BAD METHOD"),
        (":scheme", "http"), (":scheme", "HTTPS"), (":scheme", "ftp"), (":scheme", "1x"), (":path", "/"),
        (":path", "*"),
        (":path", "x"), (":path", "/ /"), (":authority", "a:1"), (":authority", "a b"), (":authority", ""),
        ("host", "b"),
        ("host", ""), ("host", "A:80"), ("host", "a:1"), ("host", "u@a"), (":authority", "u@a"), (":path", "/#"),
        (":path", "/ä"),
        ("content-length", "0"), ("content-length", "3"), ("content-length", "-1"),
        ("content-length", "99999999999999999999"), ("content-length", ""), (":protocol", "websocket"),
        (":status", "200"),
    ]
    private static let responseFields = [
        (":status", "200"), (":status", "100"), (":status", "103"), (":status", "101"), (":status", "204"),
        (":status", "304"), (":status", "99"), (":status", "20x"), (":status", "1000"),
        ("content-length", "0"), ("content-length", "00"), ("content-length", "3"), ("content-length", "x"),
        (":method", "GET"), ("host", "a"), ("host", ""), (":authority", "x"),
    ]
    private static let otherFields = [
        ("a", "b"), ("te", "trailers"), ("te", "Trailers"), ("te", "gzip"), ("connection", "close"),
        ("keep-alive", "1"),
        ("proxy-connection", "1"), ("transfer-encoding", "chunked"), ("upgrade", "x"), ("Upper", "1"), ("", "empty"),
        ("sp ace", "1"), ("v", "a\rb"), ("v", " spaces "), ("grpc-message", " spaces\t"), ("v", ""), ("v", "\u{0}"),
        ("v", "ä"), (":", "x"),
        (":x", "y"),
        ("priority", "u=1"), ("priority", "u=1, i"), ("priority", "nonsense;;"), ("priority", "u=7, a-long=parameter"),
        ("cookie", "a=b"), ("grpc-status", "0"),
    ]
    static let requestHead = [
        (name: ":method", value: "POST"), (name: ":scheme", value: "http"), (name: ":path", value: "/x"),
        (name: ":authority", value: "a"),
    ]

    /// Lists that may end a request's head.
    static let requestLists = [
        [TestField(":authority", "a")], [TestField("host", "b")],
        [TestField(":authority", "a"), TestField("host", "b")],
        [TestField(":authority", "a"), TestField("content-length", "0")], [TestField("content-length", "3")],
        [TestField(":authority", "a"), TestField("priority", "u=1")], [TestField(":authority", "a b")], [],
        [
            TestField(":authority", "a"), TestField("te", "trailers"),
            TestField("authorization", "x", isSensitive: true),
        ],
    ]

    /// A few streams, each with a head, perhaps a body and perhaps trailers.
    static func frames(to role: Session.Role, using random: inout SplitMix) -> [[UInt8]] {
        var writer = HPACKWriter()
        var frames = [FrameBytes.frame(FrameBytes.Kind.settings)]
        for stream in stride(from: Int32(1), to: 9, by: 2) {
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let list = list(to: role, using: &random)
                let ends = Bool.random(using: &random) ? FrameBytes.Flag.endStream : 0
                let block = writer.encode(list.map { (name: $0.0, value: $0.1) }, using: &random)
                frames.append(
                    FrameBytes.frame(FrameBytes.Kind.headers, FrameBytes.Flag.endHeaders | ends, stream, block))
                guard Bool.random(using: &random) else { continue }
                let body = [UInt8](repeating: 1, count: [0, 3, 4].randomElement(using: &random)!)
                let endsHere = Bool.random(using: &random) ? FrameBytes.Flag.endStream : 0
                frames.append(FrameBytes.frame(FrameBytes.Kind.data, endsHere, stream, body))
            }
        }
        return frames
    }

    private static func list(to role: Session.Role, using random: inout SplitMix) -> [(String, String)] {
        var list: [(String, String)] =
            switch (role, Int.random(in: 0..<3, using: &random)) {
            case (.server, 0...1): requestHead.map { ($0.name, $0.value) }
            case (.client, 0...1): [(":status", "200")]
            default: []
            }
        let special = role == .server ? requestFields : responseFields
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            let field = (Bool.random(using: &random) ? special : otherFields).randomElement(using: &random)!
            list.insert(field, at: Int.random(in: 0...list.count, using: &random))
        }
        if Int.random(in: 0..<8, using: &random) == 0, !list.isEmpty {
            list.remove(at: Int.random(in: 0..<list.count, using: &random))
        }
        return list
    }

    /// A block as an encoder might write it, with something in it that no encoder would write.
    static func block(using random: inout SplitMix) -> [UInt8] {
        // A request from the static table, with a literal authority that is entered.
        var block: [UInt8] = [0x83, 0x86, 0x84, 0x41, 1, 0x61]
        for _ in 0..<Int.random(in: 0..<4, using: &random) { block += field(using: &random) }
        for _ in 0..<Int.random(in: 0...1, using: &random) {
            switch Int.random(in: 0..<4, using: &random) {
            case 0: block.remove(at: Int.random(in: 0..<block.count, using: &random))
            case 1: block[Int.random(in: 0..<block.count, using: &random)] = .random(in: 0...255, using: &random)
            case 2: block.removeLast(Int.random(in: 0...block.count, using: &random))
            default:
                block.insert(
                    .random(in: 0...255, using: &random), at: Int.random(in: 0...block.count, using: &random))
            }
            if block.isEmpty { break }
        }
        return resize(using: &random) + block
    }

    private static func resize(using random: inout SplitMix) -> [UInt8] {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: [0x20]
        case 1: [0x20, 0x3f, 0xe1, 0x1f]
        case 2: [0x3f, 0xe2, 0x1f]
        default: []
        }
    }

    private static func field(using random: inout SplitMix) -> [UInt8] {
        let value = FrameMutation.bytes(Int.random(in: 0..<12, using: &random), &random)
        let compressed: UInt8 = Bool.random(using: &random) ? 0x80 : 0
        return switch Int.random(in: 0..<6, using: &random) {
        case 0: [0x80 | .random(in: 0...70, using: &random)]
        // A name from the table, and bytes that may not be valid Huffman code.
        case 1: [0x0f, .random(in: 0...40, using: &random), UInt8(value.count) | compressed] + value
        case 2: [0x40, 1, 0x78, UInt8(value.count) | compressed] + value
        case 3: [0x40, 1, 0x78, 5] + Array("value".utf8)
        // A length encoded in more bytes than needed.
        case 4: [0x00, 1, 0x79, 0x7f, 0x80, 0x80, 0x80, 0x00] + [UInt8](repeating: 0x61, count: 127)
        default: [0x10, 0x82, 0x94, 0xe7, UInt8(value.count) | compressed] + value
        }
    }
}
