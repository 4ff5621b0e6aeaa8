import GRPCServer
import Testing

@Suite struct ResponseCompressionTests {
    private static let large = 1000

    /// How a message is compressed after a head that was sent for it.
    private func coding(
        request: MessageCoding?, accepted: [String], size: Int = large, mayCompress: Bool? = nil, wanted: Bool? = nil
    ) -> (head: MessageCoding?, message: MessageCoding?) {
        var compression = ResponseCompression(request: request)
        compression.beginResponse(mayCompress: mayCompress, accepted: accepted)
        return (compression.named, compression.coding(ofMessage: size, wanted: wanted))
    }

    @Test func doesAsTheClientDoes() {
        #expect(coding(request: .gzip, accepted: ["identity, deflate, gzip"]) == (.gzip, .gzip))
        #expect(coding(request: .deflate, accepted: ["identity", "deflate"]) == (.deflate, .deflate))
        #expect(coding(request: .gzip, accepted: []) == (.gzip, .gzip), "it takes what it sends")
        #expect(coding(request: .identity, accepted: ["gzip"]) == (nil, nil))
        #expect(coding(request: nil, accepted: ["gzip"]) == (nil, nil))
    }

    @Test func sendsASmallMessageAsItIs() {
        #expect(coding(request: .gzip, accepted: ["gzip"], size: 255) == (.gzip, nil))
        #expect(coding(request: .gzip, accepted: ["gzip"], size: 256) == (.gzip, .gzip))
        #expect(coding(request: .gzip, accepted: ["gzip"], size: 0, wanted: true) == (.gzip, .gzip))
    }

    @Test func takesAWayThatTheClientTakes() {
        #expect(coding(request: .gzip, accepted: ["identity,deflate"]) == (.deflate, .deflate))
        #expect(coding(request: .gzip, accepted: ["identity"]) == (nil, nil))
        #expect(coding(request: .gzip, accepted: ["snappy"], mayCompress: true, wanted: true) == (nil, nil))
        #expect(
            coding(request: .identity, accepted: ["snappy, identity ,gzip"], mayCompress: true, wanted: true)
                == (.gzip, .gzip))
        #expect(coding(request: .identity, accepted: [], mayCompress: true, wanted: true) == (nil, nil))
    }

    /// It would cost a small call as much as everything else.
    @Test func looksForWhatTheClientTakesOnlyToCompress() {
        var asked = 0
        func accepted() -> [String] {
            asked += 1
            return ["gzip"]
        }
        var compression = ResponseCompression(request: .identity)
        compression.beginResponse(mayCompress: nil, accepted: accepted())
        #expect(asked == 0)
        compression.beginResponse(mayCompress: true, accepted: accepted())
        #expect(asked == 1)
    }

    @Test func aMethodDecidesForEachMessage() {
        var compression = ResponseCompression(request: .identity)
        compression.beginResponse(mayCompress: true, accepted: ["gzip"])
        let codings = [false, true, nil, true].map { compression.coding(ofMessage: Self.large, wanted: $0) }
        #expect(codings == [nil, .gzip, nil, .gzip])
        #expect(coding(request: .gzip, accepted: ["gzip"], wanted: false) == (.gzip, nil))
    }

    @Test func compressesNothingThatTheHeadHasntNamed() {
        #expect(coding(request: .identity, accepted: ["gzip"], wanted: true) == (nil, nil))
        #expect(coding(request: .gzip, accepted: ["gzip"], mayCompress: false, wanted: true) == (nil, nil))
        let unsent = ResponseCompression(request: .gzip)
        #expect(unsent.coding(ofMessage: Self.large, wanted: true) == nil)
    }
}
