import Connections
import EventLoop
import TestSupport
import Testing

@Suite struct ProxyProtocolHeaderTests {
    private static let signature: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]

    private static func header(
        _ command: UInt8 = 0x21, _ family: UInt8 = 0x11,
        _ rest: [UInt8] = [192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 1, 187]
    ) -> [UInt8] {
        signature + [command, family, UInt8(rest.count >> 8), UInt8(rest.count & 0xff)] + rest
    }

    private static let ipv6 =
        Array(repeating: UInt8(0x20), count: 16) + Array(repeating: 0x30, count: 16) + [1, 2, 3, 4]
    private static let client = ProxyProtocolHeader.Outcome.proxied(
        SocketAddress(family: .ipv4, bytes: [192, 0, 2, 7], port: 12345))
    private static let client6 = ProxyProtocolHeader.Outcome.proxied(
        SocketAddress(family: .ipv6, bytes: Array(repeating: 0x20, count: 16), port: 0x0102))

    /// Gives the parser no more bytes than it asks for, in pieces of at most `pieces` bytes.
    ///
    /// - Returns: the parser's outcome, and the number of bytes that it took.
    private func parse(_ bytes: [UInt8], pieces: Int = .max) -> (ProxyProtocolHeader.Outcome?, Int) {
        var header = ProxyProtocolHeader()
        var taken = 0
        while taken < bytes.count {
            let count = min(header.missing, pieces, bytes.count - taken)
            #expect(count > 0)
            let outcome = unsafe bytes[taken..<taken + count].withUnsafeBytes { unsafe header.take($0) }
            taken += count
            if let outcome { return (outcome, taken) }
        }
        return (nil, taken)
    }

    @Test(arguments: [
        (header(), client), (header(0x21, 0x12), client), (header(0x21, 0x21, ipv6), client6),
        (header(0x21, 0x22, ipv6), client6),
        // TLVs after the addresses: a checksum, and types that no standard knows.
        (
            header(0x21, 0x11, [192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 1, 187] + Array(repeating: 9, count: 3_000)),
            client
        ),
        (header(0x21, 0x21, ipv6 + [3, 0, 4, 1, 2, 3, 4]), client6),
        // The load balancer speaking for itself (LOCAL), whatever follows.
        (header(0x20, 0, []), .own), (header(0x20), .own), (header(0x20, 0xff, Array(repeating: 1, count: 200)), .own),
        // No addresses, or a kind of address without a port.
        (header(0x21, 0, []), .own), (header(0x21, 0, [1, 2, 3]), .own),
        (header(0x21, 0x31, Array(repeating: 7, count: 216)), .own),
    ])
    func reads(bytes: [UInt8], expected: ProxyProtocolHeader.Outcome) {
        // Bytes after the header are left alone, and the header may come in pieces of any size.
        for pieces in [Int.max, 1, 7, 16, 17] {
            let (outcome, taken) = parse(bytes + Array("PRI * HTTP/2.0".utf8), pieces: pieces)
            #expect(outcome == expected && taken == bytes.count)
        }
    }

    private static let refused: [([UInt8], String)] = [
        (Array("PROXY TCP4 192.0.2.7 10.0.0.1 12345 443\r\n".utf8), "version 1"),
        (Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8), "no PROXY header"),
        (Array("GET / HTTP/1.1\r\n\r\n".utf8), "no PROXY header"),
        (Array("PROXZ 12345678901234".utf8), "no PROXY header"),
        ([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0, 0, 0, 0, 0], "no PROXY header"),
        (Array(signature.dropLast() + [0x0b] + header().dropFirst(12)), "no PROXY header"),
        (header(0x11), "version 1;"), (header(0x31), "version 3;"), (header(0x01), "version 0;"),
        (header(0x22), "command 2"), (header(0x2f), "command 15"),
        (header(0x21, 0x13), "family 1, protocol 3"), (header(0x21, 0x41), "family 4"),
        (header(0x21, 0x11, Array(repeating: 1, count: 11)), "too short"), (header(0x21, 0x11, []), "too short"),
        (header(0x21, 0x21, Array(repeating: 1, count: 35)), "too short"),
        (header(0x21, 0x11, Array(repeating: 1, count: 4_097)), "4097 bytes"),
        (header(0x20, 0, Array(repeating: 1, count: 65_535)), "65535 bytes"),
    ]

    @Test(arguments: refused)
    func refuses(bytes: [UInt8], reason: String) {
        for pieces in [Int.max, 1, 5] {
            let (outcome, _) = parse(bytes, pieces: pieces)
            guard case .refused(let text) = outcome else {
                Issue.record("not refused: \(bytes)")
                continue
            }
            #expect(text.contains(reason), "\(text)")
        }
    }

    @Test func refusesAtTheFirstByteThatDoesNotFit() {
        #expect(parse(Array("GET /".utf8), pieces: 1).1 == 1)
        #expect(parse(Array("PRI *".utf8), pieces: 1).1 == 3)
        #expect(parse(Self.header(0x11), pieces: 1).1 == 13)
    }

    @Test func waitsForTheRest() {
        for bytes in [Self.header(), Self.header(0x21, 0x21, Self.ipv6), Self.header(0x20, 0, [1])] {
            for count in 0..<bytes.count { #expect(parse(Array(bytes[..<count]), pieces: 3).0 == nil) }
        }
    }

    @Test func noiseNeverTraps() {
        var random = SplitMix(seed: 7)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...80, using: &random)
            let start = Bool.random(using: &random) ? Self.signature : []
            let noise = start + (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            _ = parse(noise, pieces: Int.random(in: 1...20, using: &random))
        }
    }
}
