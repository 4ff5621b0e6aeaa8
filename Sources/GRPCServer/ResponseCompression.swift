/// Which messages of a response are compressed, and how (gRPC's `compression.md`): as the client compresses its own, unless
/// the method decides otherwise; never in a way that the client doesn't take, or that the response's head hasn't named.
package struct ResponseCompression: Sendable {
    /// How messages can be compressed: as the client does it, or else the first way that it says it takes.
    private let coding: MessageCoding
    private let requestIsCompressed: Bool
    /// How messages are compressed by the head that has been sent; `nil` if it names no coding.
    package private(set) var named: MessageCoding?

    /// Bytes below which a message is sent as it is unless the method asks for compression.
    private static let worthwhile = 256

    /// - Parameters:
    ///   - request: how the client compresses its messages; `nil` if in an unknown way.
    ///   - accepted: the values of `grpc-accept-encoding`.
    package init(request: MessageCoding?, accepted: [String]) {
        let accepted = accepted.joined(separator: ",").split(separator: ",").map { String($0.filter { $0 != " " }) }
        requestIsCompressed = request.map { $0 != .identity } ?? false
        if let request, requestIsCompressed, accepted.isEmpty || accepted.contains(request.rawValue) {
            coding = request
        } else {
            coding = accepted.lazy.compactMap(MessageCoding.init(rawValue:)).first { $0 != .identity } ?? .identity
        }
    }

    /// Decides what the head names: a coding that messages then use or not.
    ///
    /// - Parameter mayCompress: whether the method may want a message compressed; `nil` if it leaves that to the client.
    package mutating func beginResponse(mayCompress: Bool?) {
        named = coding != .identity && (mayCompress ?? requestIsCompressed) ? coding : nil
    }

    /// How a message is compressed; `nil` if it isn't.
    ///
    /// - Parameters:
    ///   - size: in bytes.
    ///   - wanted: what the method decides; `nil` if it leaves that to the client.
    package func coding(ofMessage size: Int, wanted: Bool?) -> MessageCoding? {
        wanted ?? (requestIsCompressed && size >= Self.worthwhile) ? named : nil
    }
}
