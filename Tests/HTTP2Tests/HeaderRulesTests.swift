import HTTP2
import Testing

@Suite struct HeaderRulesTests {
    private typealias Field = (name: String, value: String)

    private static let names: [String: FieldName] = [
        ":method": .method, ":scheme": .scheme, ":path": .path, ":authority": .authority, ":status": .status,
        "host": .host, "content-length": .contentLength, "priority": .priority,
    ]

    private static let head: [Field] = [
        (":method", "POST"), (":scheme", "http"), (":path", "/s/m"), (":authority", "a.test"),
    ]

    /// Applies the rules field by field, as a decoder does; returns them with the fields that are to be kept.
    private func take(_ fields: [Field], as role: Session.Role = .server) -> (rules: HeaderRules, kept: [String]) {
        var rules = HeaderRules(role: role)
        let list = HeaderList()
        for field in fields {
            guard let name = Self.names[field.name] else {
                rules.takeOrdinary()
                list.append(name: field.name, value: field.value)
                continue
            }
            let isKept = unsafe Array(field.value.utf8).withUnsafeBufferPointer {
                unsafe rules.take(name, $0, behind: list)
            }
            if isKept { list.append(name: field.name, value: field.value) }
        }
        return (rules, list.list.map(\.name))
    }

    private func isMalformed(_ fields: [Field], as role: Session.Role = .server) -> Bool {
        take(fields, as: role).rules.isMalformed
    }

    @Test func aSoundHeadIsComplete() {
        let rules = take(Self.head + [("x", "1"), ("content-length", "42")]).rules
        #expect(!rules.isMalformed && rules.isRequest && !rules.isIncomplete && rules.contentLength == 42)
    }

    @Test func fieldsWithoutPseudoFieldsAreTrailers() {
        let rules = take([("grpc-status", "0")]).rules
        #expect(!rules.isMalformed && !rules.isRequest && !rules.isIncomplete)
    }

    /// RFC 9113, section 8.3.
    @Test func pseudoFieldsComeFirst() {
        #expect(isMalformed(Self.head + [("x", "1"), (":path", "/")]))
        #expect(isMalformed([("x", "1")] + Self.head))
        #expect(isMalformed([("x", "1"), (":status", "200")], as: .client))
    }

    @Test(arguments: [":method", ":scheme", ":path", ":authority"]) func pseudoFieldsComeOnce(name: String) {
        let field = Self.head.first { $0.name == name }!
        #expect(isMalformed([field] + Self.head))
        #expect(isMalformed(Self.head.filter { $0.name != name } + [(name, "")]), "an empty one")
    }

    @Test(arguments: [":method", ":scheme", ":path", ":authority"]) func aHeadThatLacksAFieldIsIncomplete(name: String)
    {
        let rules = take(Self.head.filter { $0.name != name }).rules
        #expect(rules.isIncomplete && !rules.isMalformed)
    }

    @Test func aHostStandsForTheAuthority() {
        #expect(!take(Self.head.dropLast() + [("host", "a.test")]).rules.isIncomplete)
    }

    /// RFC 9113, section 8.5.
    @Test func aTunnelHasAnAuthorityAlone() {
        let tunnel: [Field] = [(":method", "CONNECT"), (":authority", "a.test:443")]
        #expect(!take(tunnel).rules.isIncomplete)
        #expect(take([(":method", "CONNECT")]).rules.isIncomplete)
        #expect(take(tunnel + [(":path", "/")]).rules.isIncomplete)
        #expect(take(tunnel + [(":scheme", "http")]).rules.isIncomplete)
        #expect(take([(":method", "connect"), (":authority", "a.test:443")]).rules.isIncomplete, "methods have a case")
    }

    /// RFC 9113, section 8.3.1.
    @Test(arguments: [
        ("GET", "http", "s/m", true), ("GET", "HTTPS", "s/m", true), ("GET", "other", "s/m", false),
        ("GET", "http", "*", true), ("OPTIONS", "http", "*", false), ("OPTIONS", "http", "*x", true),
    ])
    func pathsBeginWithASlash(method: String, scheme: String, path: String, isIncomplete: Bool) {
        let head: [Field] = [(":method", method), (":scheme", scheme), (":path", path), (":authority", "a")]
        #expect(take(head).rules.isIncomplete == isIncomplete)
    }

    // MARK: Hosts

    /// RFC 9113, section 8.3.1.
    @Test func theAuthorityIsNamedOnce() {
        let (same, kept) = take(Self.head + [("host", "a.test")])
        #expect(!same.isMalformed && kept.last == "host")
        let (alike, dropped) = take(Self.head + [("host", "A.test:80")])
        #expect(!alike.isMalformed && dropped.last == ":authority", "in other words, which some servers would not see")
        #expect(isMalformed(Self.head + [("host", "b.test")]))
        #expect(isMalformed(Self.head + [("host", "a.test:443")]), "the port of another scheme")
        #expect(isMalformed(Self.head + [("host", "a.test"), ("host", "a.test")]))
        #expect(isMalformed(Self.head.dropLast() + [("host", "")]))
    }

    @Test func aResponsesHostIsAnyField() {
        #expect(!isMalformed([(":status", "200"), ("host", ""), ("host", "b")], as: .client))
    }

    // MARK: Statuses and lengths

    @Test(arguments: [
        ("200", false), ("100", false), ("999", false), ("101", true), ("099", true), ("20", true), ("2000", true),
        ("2x0", true), ("", true),
    ])
    func statusesAreThreeDigits(status: String, isMalformed: Bool) {
        #expect(self.isMalformed([(":status", status)], as: .client) == isMalformed)
    }

    @Test func aStatusComesOnce() {
        #expect(take([(":status", "204")], as: .client).rules.status == 204)
        #expect(isMalformed([(":status", "200"), (":status", "200")], as: .client))
    }

    /// RFC 9110, section 8.6.
    @Test(arguments: [
        ("0", 0), ("0042", 42), ("9223372036854775807", Int64.max), ("9223372036854775808", nil),
        ("92233720368547758070", nil), ("", nil), ("-1", nil), ("1,1", nil), ("+1", nil),
    ])
    func lengthsAreNumbers(text: String, length: Int64?) {
        let rules = take(Self.head + [("content-length", text)]).rules
        #expect(rules.contentLength == length && rules.isMalformed == (length == nil))
    }

    @Test func aLengthComesOnce() {
        #expect(isMalformed(Self.head + [("content-length", "1"), ("content-length", "1")]))
    }

    /// Interim responses have no length, and an empty response's is dropped if it is zero.
    @Test func interimAndEmptyResponsesHaveNoLength() {
        #expect(isMalformed([(":status", "103"), ("content-length", "0")], as: .client))
        let (rules, kept) = take([(":status", "204"), ("content-length", "0")], as: .client)
        #expect(!rules.isMalformed && kept == [":status"])
        #expect(isMalformed([(":status", "204"), ("content-length", "00")], as: .client))
        #expect(isMalformed([(":status", "204"), ("content-length", "1")], as: .client))
    }

    // MARK: Priorities

    @Test func onlyAShortPriorityOfARequestIsKept() {
        let most = "u=1, i, abcdefgh"
        #expect(take(Self.head + [("priority", most)]).rules.priorityLength == 16)
        let rules = take(Self.head + [("priority", "u=1")]).rules
        #expect((0..<rules.priorityLength).map { rules.priority[$0] } == Array("u=1".utf8))
        #expect(take(Self.head + [("priority", most + "i")]).rules.priorityLength == 0)
        #expect(take([(":status", "200"), ("priority", "u=1")], as: .client).rules.priorityLength == 0)
    }

    @Test func anUnsoundFieldMakesTheListMalformed() {
        var rules = HeaderRules(role: .server)
        rules.takeUnsound()
        #expect(rules.isMalformed)
    }
}
