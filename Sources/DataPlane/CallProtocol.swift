import HTTP2

/// How a client learns of its call's outcome, according to the call's `content-type`.
package enum CallProtocol {
    /// By the status of the response.
    case http
    /// By trailers.
    case grpc
    /// By a frame at the end of the body, as bytes or in base64: gRPC-Web that passes through, since browsers see no
    /// trailers.
    case grpcWeb
    case grpcWebText

    package init(ofRequest head: HeaderList) {
        guard head.value(of: .contentType, hasPrefix: "application/grpc") else {
            self = .http
            return
        }
        guard head.value(of: .contentType, hasPrefix: "application/grpc-web") else {
            self = .grpc
            return
        }
        self = head.value(of: .contentType, hasPrefix: "application/grpc-web-text") ? .grpcWebText : .grpcWeb
    }

    /// Whether the call is gRPC-Web of either form.
    package var isGRPCWeb: Bool {
        switch self {
        case .http, .grpc: false
        case .grpcWeb, .grpcWebText: true
        }
    }
}
