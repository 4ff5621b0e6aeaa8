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
