import DataPlane
import HTTP2
import Testing

@Suite struct CallProtocolTests {
    @Test(
        arguments: [
            ("application/grpc", .grpc), ("application/grpc+proto", .grpc), ("application/grpc;charset=x", .grpc),
            ("application/grpc-web", .grpcWeb), ("application/grpc-web+proto", .grpcWeb),
            ("application/grpc-web-text", .grpcWebText), ("application/grpc-web-text+proto", .grpcWebText),
            ("application/json", .http), ("application/grp", .http), ("text/plain", .http), ("", .http),
        ] as [(String, CallProtocol)])
    func isNamedByTheContentType(contentType: String, expected: CallProtocol) {
        let head = HeaderList()
        head.append("content-type", contentType)
        #expect(CallProtocol(ofRequest: head) == expected)
    }

    @Test func withoutAContentTypeItIsHTTP() {
        #expect(CallProtocol(ofRequest: HeaderList()) == .http)
    }

    @Test func browsersReadTheEndInTheBody() {
        #expect(CallProtocol.grpcWeb.isGRPCWeb && CallProtocol.grpcWebText.isGRPCWeb)
        #expect(!CallProtocol.grpc.isGRPCWeb && !CallProtocol.http.isGRPCWeb)
    }
}
