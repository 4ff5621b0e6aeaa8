/// Which messages of a response are compressed, and how (gRPC's `compression.md`): as the client compresses its own, unless
/// the method decides otherwise; never in a way that the client doesn't take, or that the response's head hasn't named.
package struct ResponseCompression: Sendable {
    /// How the client compresses its messages; `nil` if in an unknown way.
    private let request: MessageCoding?
    /// How messages are compressed by the head that has been sent; `nil` if it names no coding.
    package private(set) var named: MessageCoding?

    /// Bytes below which a message is sent as it is unless the method asks for compression.
    private static let worthwhile = 256

    /// - Parameter request: how the client compresses its messages; `nil` if in an unknown way.
    package init(request: MessageCoding?) {
        self.request = request
    }

    private var requestIsCompressed: Bool {
        if let request { request != .identity } else { false }
    }

    /// Decides what the head names: a coding that messages then use or not.
    ///
    /// - Parameters:
    ///   - mayCompress: whether the method may want a message compressed; `nil` if it leaves that to the client.
    ///   - accepted: the values of `grpc-accept-encoding`, which only a response that may be compressed is asked for.
    package mutating func beginResponse(mayCompress: Bool?, accepted: @autoclosure () -> [String]) {
        named = mayCompress ?? requestIsCompressed ? coding(accepted()) : nil
    }

    /// As the client compresses, or else the first way that it says it takes; `nil` if there is none.
    private func coding(_ accepted: [String]) -> MessageCoding? {
        let accepted = accepted.joined(separator: ",").split(separator: ",").map { String($0.filter { $0 != " " }) }
        if let request, requestIsCompressed, accepted.isEmpty || accepted.contains(request.rawValue) { return request }
        return accepted.lazy.compactMap(MessageCoding.init(rawValue:)).first { $0 != .identity }
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
