import HTTP2
import Testing

/// Digests as libnghttp2's decoder reads them.
@Suite struct HeaderDigestTests {
    private static let names: [String: FieldName] = [
        ":method": .method, ":scheme": .scheme, ":path": .path, ":authority": .authority, ":status": .status,
        "host": .host, "content-length": .contentLength, "priority": .priority,
    ]

    private static let head = [(":method", "POST"), (":scheme", "https"), (":path", "/s/m"), (":authority", "a")]

    private func rules(_ fields: [(String, String)], for role: Session.Role) -> HeaderRules {
        var rules = HeaderRules(role: role)
        let list = HeaderList()
        for (name, value) in fields {
            guard let known = Self.names[name] else {
                rules.takeOrdinary()
                continue
            }
            _ = unsafe Array(value.utf8).withUnsafeBufferPointer { unsafe rules.take(known, $0, behind: list) }
            list.append(name: name, value: value)
        }
        return rules
    }

    private func block(_ digest: inout HeaderDigest, _ fields: [(String, String)], for role: Session.Role) -> [UInt8] {
        let rules = rules(fields, for: role)
        return unsafe [UInt8](unsafeUninitializedCapacity: HeaderDigest.mostBytes) { buffer, count in
            count = unsafe digest.write(rules, for: role, into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    private func digest(_ fields: [(String, String)], for role: Session.Role) throws -> [String] {
        var digest = HeaderDigest()
        return try Inflater().inflate(block(&digest, fields, for: role)).map(\.description)
    }

    @Test func aMalformedListIsMalformedForLibnghttp2Too() throws {
        #expect(try digest(Self.head + [("content-length", "x")], for: .server) == [":status: 200"])
        #expect(try digest([(":status", "20")], for: .client) == [":method: GET"])
    }

    @Test func anIncompleteHeadStaysIncomplete() throws {
        #expect(try digest(Array(Self.head.dropLast()), for: .server) == [":method: GET"])
    }

    @Test func aDeclaredLengthIsPassedOn() throws {
        let common = [":method: GET", ":scheme: http", ":path: /", ":authority: 0"]
        let largest = String(Int64.max)
        for length in ["0", "42", largest] {
            let digest = try digest(Self.head + [("content-length", length)], for: .server)
            #expect(digest == common + ["content-length: \(length)"])
        }
        let response = try digest([(":status", "404"), ("content-length", "7")], for: .client)
        #expect(response == [":status: 404", "content-length: 7"])
    }

    /// From the second one on, a request's digest takes two bytes: its fields are in the table.
    @Test func aRequestWithoutALengthIsATunnel() throws {
        var digest = HeaderDigest()
        let inflater = Inflater()
        for call in 0..<3 {
            let block = block(&digest, Self.head + [("x", "1")], for: .server)
            #expect(call == 0 ? block.count > 2 : block.count == 2)
            #expect(try inflater.inflate(block).map(\.description) == [":method: CONNECT", ":authority: 0"])
        }
    }

    @Test func statusesArePassedOn() throws {
        for status in ["200", "100", "103", "204", "304", "999"] {
            #expect(try digest([(":status", status)], for: .client) == [":status: \(status)"])
        }
    }

    @Test func trailersAreEmpty() throws {
        #expect(try digest([("grpc-status", "0")], for: .client) == [])
        #expect(try digest([("x", "1")], for: .server) == [])
    }

    @Test func hostAndPriorityArePassedOn() throws {
        let fields = Array(Self.head.dropLast()) + [("host", "a"), ("content-length", "1"), ("priority", "u=7, i")]
        #expect(try digest(fields, for: .server).suffix(3) == ["content-length: 1", "host: 0", "priority: u=7, i"])
    }

    @Test func theLongestDigestHasRoom() {
        var digest = HeaderDigest()
        let length = String(Int64.max)
        let fields =
            Self.head + [("host", "a"), ("content-length", length), ("priority", String(repeating: "p", count: 16))]
        #expect(block(&digest, fields, for: .server).count <= HeaderDigest.mostBytes)
    }

    @Test func aBrokenBlockIsBroken() {
        #expect(throws: Inflater.Failure.self) { try Inflater().inflate([HeaderDigest.broken]) }
    }
}
