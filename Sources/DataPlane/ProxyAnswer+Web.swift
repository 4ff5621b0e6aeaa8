import Ground
import EventLoop
import HTTP2

/// Proxy answers to calls of gRPC-Web (gRPC's `PROTOCOL-WEB.md`).
extension ProxyAnswer {
    /// Writes the head of an answer; `webBody(isText:)` follows.
    ///
    /// - Parameter contentType: the content type of the request.
    package func writeWebResponse(to list: HeaderList, contentType: String) {
        list.append(":status", "200")
        list.append("content-type", contentType)
    }

    /// The whole body: one frame with the trailers that gRPC would send.
    ///
    /// - Parameter isText: whether the body is encoded in base64, for clients that can't read bytes as they come.
    package func webBody(isText: Bool) -> [UInt8] {
        var trailers = "grpc-status: \(grpcStatus)\r\ngrpc-message: \(PercentCoding.encoded(clientMessage))\r\n"
        if let retryPushback {
            trailers += "grpc-retry-pushback-ms: \(retryPushback.clampedNanoseconds / 1_000_000)\r\n"
        }
        let length = UInt32(clamping: trailers.utf8.count)
        let frame =
            [Self.trailersFlag] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> UInt32($0)) } + trailers.utf8
        return isText ? Self.base64(frame) : frame
    }

    /// The bit in the first byte of a frame that marks its content as trailers.
    private static let trailersFlag: UInt8 = 0x80

    private static func base64(_ bytes: [UInt8]) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            bits <<= UInt32(8 * (3 - group.count))
            for index in 0..<4 {
                let digit = Int(bits >> UInt32(18 - 6 * index)) & 63
                text.append(index <= group.count ? alphabet[digit] : UInt8(ascii: "="))
            }
        }
        return text
    }
}
