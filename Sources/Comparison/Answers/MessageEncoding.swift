/// The compression of an answer's messages: the value of `grpc-encoding` (gRPC's `PROTOCOL-HTTP2.md` and `compression.md`).
package enum MessageEncoding: Sendable, Equatable {
    case identity
    case gzip
    /// The zlib format (RFC 1950), which HTTP calls `deflate`.
    case deflate
    /// One that can't be decompressed here, by its name.
    case other(String)

    /// - Parameter name: the value of the head's `grpc-encoding`; `nil` if there is none.
    package init(name: String?) {
        switch name {
        case nil, "identity": self = .identity
        case "gzip": self = .gzip
        case "deflate": self = .deflate
        case let other?: self = .other(other)
        }
    }
}

/// What a message's bytes are once its compression is undone.
enum DecodedMessage {
    case message([UInt8])
    /// They are not what the encoding's format says.
    case corrupt
    /// They are compressed in a way that isn't known here.
    case unknownEncoding
    /// They would be more than the limit.
    case tooLarge
}

extension MessageEncoding {
    /// Undoes the compression of a message that is marked as compressed.
    ///
    /// - Parameter limit: the most bytes that may come out.
    func decoded(_ bytes: [UInt8], limit: Int) -> DecodedMessage {
        let format: Inflater.Format
        switch self {
        // A message can't be compressed in an encoding that compresses nothing: gRPC has this fail with INTERNAL.
        case .identity: return .corrupt
        case .gzip: format = .gzip
        case .deflate: format = .zlib
        case .other: return .unknownEncoding
        }
        do {
            return .message(try Inflater.inflate(bytes, format, limit: limit))
        } catch {
            switch error {
            case .corrupt: return .corrupt
            case .tooLarge: return .tooLarge
            }
        }
    }
}
