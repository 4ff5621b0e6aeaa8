import EventLoop
import TLS
import Testing

@Suite struct TLSConnectionTests {
    private let certificates: TestCertificates

    init() throws {
        certificates = try TestCertificates()
        try certificates.issue("server", names: "DNS:localhost,IP:127.0.0.1")
    }

    private func server(_ name: String = "server", clientAuthority: Bool = false) throws -> TLSContext {
        try TLSContext(
            server: .init(
                certificateFile: certificates.path("\(name).pem"), keyFile: certificates.path("\(name).key"),
                clientAuthorityFile: clientAuthority ? certificates.path("ca.pem") : nil))
    }

    private func client(_ change: (inout TLSContext.ClientOptions) -> Void = { _ in }) throws -> TLSContext {
        var options = TLSContext.ClientOptions()
        options.authorityFile = certificates.path("ca.pem")
        change(&options)
        return try TLSContext(client: options)
    }

    private func reason(_ handshake: TLSConnection.Handshake) -> String {
        if case .failed(let error) = handshake { error.description } else { "" }
    }

    @Test func carriesBytesOnceNamesAndAuthoritiesAreVerified() throws {
        for host in ["localhost", "127.0.0.1"] {
            let pair = try ConnectedPair(server: try server(), client: try client(), host: host)
            let outcome = pair.shakeHands()
            #expect(outcome.client == .done && outcome.server == .done)
            #expect(ConnectedPair.write("hello", to: pair.client) == .bytes(5))
            #expect(ConnectedPair.read(pair.server) == .bytes(5))
            #expect(ConnectedPair.write("you too", to: pair.server) == .bytes(7))
            #expect(ConnectedPair.read(pair.client) == .bytes(7))
            pair.client.close()
            #expect(ConnectedPair.read(pair.server) == .end)
        }
    }

    @Test func refusesNamesThatAreNotTheCertificates() throws {
        let pair = try ConnectedPair(server: try server(), client: try client(), host: "other.example")
        #expect(
            reason(pair.shakeHands().client)
                == "the certificate is not accepted: hostname mismatch (it is for localhost, 127.0.0.1)")
        let address = try ConnectedPair(server: try server(), client: try client(), host: "127.0.0.2")
        #expect(reason(address.shakeHands().client).contains("IP address mismatch"))
    }

    @Test func asksForTheServerNameInPlaceOfTheHost() throws {
        let context = try client { $0.serverName = "localhost" }
        #expect(context.serverName == "localhost")
        #expect(
            try ConnectedPair(server: try server(), client: context, host: "other.example").shakeHands().client == .done
        )
    }

    @Test func verifiesNothingIfToldNotTo() throws {
        let context = try client {
            $0.verifies = false
            $0.authorityFile = nil
        }
        #expect(
            try ConnectedPair(server: try server(), client: context, host: "other.example").shakeHands().client == .done
        )
    }

    @Test func refusesCertificatesThatHaveExpired() throws {
        try certificates.issue("expired", days: -1)
        let pair = try ConnectedPair(server: try server("expired"), client: try client())
        #expect(reason(pair.shakeHands().client) == "the certificate is not accepted: certificate has expired")
    }

    @Test func saysWhyAServerRefusesTheClientsCertificate() throws {
        let context = try server(clientAuthority: true)
        let bare = try ConnectedPair(server: context, client: try client())
        let outcome = bare.shakeHands()
        // In TLS 1.3 the client's handshake ends before the server has checked its certificate.
        #expect(outcome.client == .done)
        #expect(reason(outcome.server).contains("peer did not return a certificate"))
        guard case .failed = ConnectedPair.read(bare.client) else {
            Issue.record("the client went on")
            return
        }
        #expect(bare.client.failure?.description.contains("certificate required") == true)

        try certificates.issue("client", subject: "/O=Example/CN=ml-team", names: "URI:spiffe://example/ml")
        let own = try client {
            $0.certificateFile = certificates.path("client.pem")
            $0.keyFile = certificates.path("client.key")
        }
        let mutual = try ConnectedPair(server: context, client: own)
        #expect(mutual.shakeHands().server == .done)
        let identity = mutual.server.peerIdentity
        #expect(identity?.subject == "CN=ml-team,O=Example")
        #expect(identity?.names == [SubjectAlternativeName(kind: .uri, value: "spiffe://example/ml")])
        #expect(identity?.fingerprint.utf8.count == 64)
        #expect(mutual.client.peerIdentity?.subject == "CN=localhost")
    }

    @Test func identifiesOnlyVerifiedPeers() throws {
        let context = try client {
            $0.verifies = false
            $0.authorityFile = nil
        }
        let pair = try ConnectedPair(server: try server(), client: context)
        #expect(pair.shakeHands().client == .done)
        #expect(pair.client.peerIdentity == nil)
        #expect(pair.server.peerIdentity == nil)
    }

    @Test func namesWithQuotesPassForNothingElse() throws {
        try certificates.issue("odd", subject: "/CN=a\"; URI=b, c", names: #"URI:spiffe://a/\"b,DNS:fine.example"#)
        let own = try client {
            $0.certificateFile = certificates.path("odd.pem")
            $0.keyFile = certificates.path("odd.key")
        }
        let pair = try ConnectedPair(server: try server(clientAuthority: true), client: own)
        #expect(pair.shakeHands().server == .done)
        let identity = try #require(pair.server.peerIdentity)
        #expect(identity.subject == #"CN=a\"\; URI=b\, c"#)
        #expect(identity.names == [SubjectAlternativeName(kind: .dns, value: "fine.example")])
    }

    @Test func sendsTheEndOfTheHandshakeWithTheFirstBytes() throws {
        let pair = try ConnectedPair(server: try server(), client: try client())
        #expect(pair.shakeHands(flushing: false) == (.done, .done))
        // Session tickets are still to be sent.
        #expect(pair.server.hasUnsent)
        #expect(ConnectedPair.read(pair.client, attempts: 100) == .wouldBlock)
        #expect(ConnectedPair.write("hello", to: pair.server) == .bytes(5))
        #expect(!pair.server.hasUnsent)
        #expect(ConnectedPair.read(pair.client) == .bytes(5))
    }

    @Test func keepsWhatTheSocketDoesNotTake() throws {
        let pair = try ConnectedPair(server: try server(), client: try client())
        #expect(pair.shakeHands() == (.done, .done))
        let sent = (0..<16_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let written = unsafe sent.withUnsafeBytes { unsafe pair.server.write($0) }
        #expect(written == .wouldBlock)
        #expect(pair.server.hasUnsent)
        var received: [UInt8] = []
        unsafe withUnsafeTemporaryAllocation(byteCount: RecordBuffer.leastPlaintext, alignment: 16) { buffer in
            for _ in 0..<1_000_000 where received.count < sent.count {
                _ = pair.server.flush()
                if case .bytes(let count) = unsafe pair.client.read(into: buffer) {
                    unsafe received += buffer[..<count]
                }
            }
        }
        #expect(received == sent)
        #expect(!pair.server.hasUnsent)
    }

    @Test func reportsTheEndAfterTheLastBytes() throws {
        var pair: ConnectedPair? = try ConnectedPair(server: try server(), client: try client())
        #expect(pair?.shakeHands().server == .done)
        let server = try #require(pair?.server)
        let socket = try #require(pair?.serverSocket)
        // If the client had unread bytes, its system would close the connection with a reset.
        #expect(pair.map { ConnectedPair.read($0.client, attempts: 1_000) } == .wouldBlock)
        #expect(pair.map { ConnectedPair.write("last words", to: $0.client) } == .bytes(10))
        pair?.client.close()
        // Dropping the pair closes the client's socket.
        pair = nil
        #expect(ConnectedPair.awaitEnd(at: socket))
        #expect(ConnectedPair.read(server) == .bytes(10))
        #expect(server.hasEnding)
        #expect(ConnectedPair.read(server, attempts: 1) == .end)
    }

    @Test func acceptsServersWithoutALPNOnlyForHTTP1() throws {
        let pair = try ConnectedPair(server: try server(), client: try client(), offering: .http1)
        // This server accepts h2 only.
        guard case .failed = pair.shakeHands().client else {
            Issue.record("http/1.1 was taken for h2")
            return
        }
    }
}
