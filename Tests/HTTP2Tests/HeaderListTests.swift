import HTTP2
import Testing

@Suite struct HeaderListTests {
    @Test func findsKnownFields() {
        let block = HeaderList()
        block.append(":status", "200")
        block.append("content-type", "application/grpc+proto")
        block.append("grpc-status", "14")
        block.append("grpc-message", " spaces ")
        block.append("x-other", "a")
        #expect(block.number(of: .status) == 200)
        #expect(block.number(of: .grpcStatus) == 14)
        #expect(block.text(of: .grpcMessage) == " spaces ")
        #expect(block.value(of: .contentType, hasPrefix: "application/grpc"))
        #expect(!block.value(of: .contentType, hasPrefix: "application/grpc+proto2"))
        #expect(!block.has(.path))
        #expect(block.text(of: .path) == nil)
    }

    @Test(arguments: ["", "x", "-1", "1x", "1234567890", " 1"])
    func takesNoOddNumber(value: String) {
        let block = HeaderList()
        block.append("grpc-status", value)
        #expect(block.number(of: .grpcStatus) == nil)
    }

    @Test func countsAsTheStandardDoes() {
        let block = HeaderList()
        block.append("abc", "12345")
        block.append("d", "")
        #expect(block.listSize == 3 + 5 + 32 + 1 + 32)
        #expect(block.fieldCount == 2)
    }

    @Test func keepsOrderAndDuplicates() {
        let block = HeaderList()
        for value in ["1", "2", "1"] { block.append("k-bin", value) }
        #expect(block.list.map(\.value) == ["1", "2", "1"])
    }

    @Test func takesOutEveryFieldOfAName() {
        let block = HeaderList()
        block.append("x-forwarded-client-cert", "Hash=1")
        block.append(":path", "/x")
        block.append("x-forwarded-client-cert", "Hash=2")
        block.append("grpc-status", "3")
        block.append("x-forwarded-client-certs", "another field")
        block.removeAll(of: .forwardedClientCertificate)
        #expect(!block.has(.forwardedClientCertificate))
        #expect(block.list.map(\.name) == [":path", "grpc-status", "x-forwarded-client-certs"])
        #expect(block.text(of: .path) == "/x" && block.number(of: .grpcStatus) == 3)
        #expect(block.fieldCount == 3 && !block.isTruncated)
        #expect(block.listSize == 5 + 2 + 11 + 1 + 24 + 13 + 3 * 32)
        block.append("x-forwarded-client-cert", "Hash=3")
        #expect(block.text(of: .forwardedClientCertificate) == "Hash=3")
        block.removeAll(of: .method)
        #expect(block.fieldCount == 4)
    }

    @Test func judgesEveryValueOfAName() {
        let block = HeaderList()
        let isSound = { (value: UnsafeBufferPointer<UInt8>) in unsafe value.first != UInt8(ascii: "-") }
        block.append("grpc-timemark", "-")
        unsafe #expect(block.allValues(of: .grpcTimeout, isSound), "there is none")
        block.append("grpc-message", "-")
        block.append("grpc-timeout", "1S")
        unsafe #expect(block.allValues(of: .grpcTimeout, isSound), "others, as long, are not asked about")
        block.append("grpc-timeout", "-1S")
        block.append("grpc-timeout", "2S")
        unsafe #expect(!block.allValues(of: .grpcTimeout, isSound), "one in the midst counts")
    }

    /// Servers that turn names into variables take all characters but letters and digits for the same.
    @Test(arguments: [
        "x-forwarded-client-cert", "x_forwarded_client_cert", "x_forwarded-client_cert", "x.forwarded.client.cert",
        "x-forwarded-client~cert",
    ])
    func knowsTheProxysOwnFieldInEverySpelling(name: String) {
        let block = HeaderList()
        block.append(name: name, value: "Hash=1")
        block.append("x-forwarded-client-cort", "another field")
        #expect(block.has(.forwardedClientCertificate))
        block.removeAll(of: .forwardedClientCertificate)
        #expect(block.list.map(\.name) == ["x-forwarded-client-cort"])
    }

    @Test(arguments: ["sluice-color", "sluice-epoch", "sluice-shadow", "sluice_color", "sluice.epoch", "sluice_shadow"])
    func knowsTheFieldsThatOnlyTheProxyWrites(name: String) {
        let block = HeaderList()
        block.append(name: name, value: "1")
        block.append("sluice-colors", "another field")
        block.append("grpc-timeout", "1S")
        #expect(block.has(.proxyOwned))
        block.removeAll(of: .proxyOwned)
        #expect(block.list.map(\.name) == ["sluice-colors", "grpc-timeout"])
    }

    @Test func findsAndTakesOutAnyName() {
        let block = HeaderList()
        for (name, value) in [("x-route", "1"), ("x-other", "2"), ("x-route", "3"), (":path", "/x")] {
            block.append(name: name, value: value)
        }
        var values: [String] = []
        unsafe block.forEachValue(named: Array("x-route".utf8)) { value in
            unsafe values.append(String(decoding: value, as: UTF8.self))
        }
        #expect(values == ["1", "3"])
        block.removeAll(named: Array("x-route".utf8))
        #expect(block.list.map(\.name) == ["x-other", ":path"] && block.fieldCount == 2)
        #expect(block.text(of: .path) == "/x")
    }

    @Test func keepsOnlyTheStatus() {
        let block = HeaderList()
        for name in [":status", "x", "content-type", "grpc-status", "content-length", "grpc-message", "grpc-messages"] {
            block.append(name: name, value: "5")
        }
        block.removeAllButStatus()
        #expect(block.list.map(\.name) == [":status", "content-type", "grpc-status", "grpc-message"])
        #expect(block.number(of: .grpcStatus) == 5 && !block.has(.contentLength))
    }

    @Test func isEmptyWhenItComesFromThePool() {
        let pool = HeaderListPool()
        let block = pool.take()
        block.append(":path", "/x")
        pool.give(block)
        let again = pool.take()
        #if !SLUICE_WITHOUT_POOLS
            #expect(again == block)
        #endif
        #expect(again.isEmpty && !again.has(.path) && again.listSize == 0 && again.fieldCount == 0)
    }
}
