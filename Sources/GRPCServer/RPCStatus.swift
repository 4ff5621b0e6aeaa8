import Ground

/// How a call ends: gRPC's status, with a message for people.
package struct RPCStatus: Error, Sendable, Equatable {
    package var code: GRPCStatus
    /// Empty, or a sentence that names what is wrong. It may be any text; it goes out percent-encoded.
    package var message: String

    package init(_ code: GRPCStatus, _ message: String = "") {
        self.code = code
        self.message = message
    }

    package static let ok = RPCStatus(.ok)
}
