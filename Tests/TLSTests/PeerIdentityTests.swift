import TLS
import Testing

@Suite struct PeerIdentityTests {
    @Test func isForwardedAsEnvoyDoes() {
        let identity = PeerIdentity(
            fingerprint: "0f", subject: "CN=ml-team,O=Example",
            names: [
                SubjectAlternativeName(kind: .uri, value: "spiffe://example/ml"),
                SubjectAlternativeName(kind: .email, value: "a@example"),
                SubjectAlternativeName(kind: .dns, value: "ml.example"),
                SubjectAlternativeName(kind: .address, value: "10.0.0.1"),
            ])
        #expect(
            identity.forwardedClientCertificate
                == #"Hash=0f;Subject="CN=ml-team,O=Example";URI=spiffe://example/ml;DNS=ml.example"#)
    }

    @Test func quotesWhatSeparatesParts() {
        let names = ["spiffe://a;Hash=1", "spiffe://a,b"].map { SubjectAlternativeName(kind: .uri, value: $0) }
        let identity = PeerIdentity(fingerprint: "0f", subject: nil, names: names)
        #expect(identity.forwardedClientCertificate == #"Hash=0f;URI="spiffe://a;Hash=1";URI="spiffe://a,b""#)
    }

    @Test func isBounded() {
        let names = (0..<1000).map { SubjectAlternativeName(kind: .dns, value: "host\($0).example") }
        let text = PeerIdentity(fingerprint: "0f", subject: nil, names: names).forwardedClientCertificate
        #expect((4000...4096).contains(text.utf8.count))
        #expect(text.hasSuffix(".example"))
    }
}
