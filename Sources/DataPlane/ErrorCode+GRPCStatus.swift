import Ground
import HTTP2

extension ErrorCode {
    /// The status of a call whose stream has ended with this code (gRPC's `PROTOCOL-HTTP2.md`, Errors).
    var grpcStatus: GRPCStatus {
        switch self {
        case .cancel: .cancelled
        case .refusedStream: .unavailable
        case .enhanceYourCalm: .resourceExhausted
        case .inadequateSecurity: .permissionDenied
        default: .internal
        }
    }
}

extension GRPCStatus {
    /// The status of an answer that has none of its own, by its HTTP status (gRPC's `http-grpc-status-mapping.md`).
    init(httpStatus: Int) {
        self =
            switch httpStatus {
            case 400: .internal
            case 401: .unauthenticated
            case 403: .permissionDenied
            case 404: .unimplemented
            case 429, 502, 503, 504: .unavailable
            default: .unknown
            }
    }
}
