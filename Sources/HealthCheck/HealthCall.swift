import Asking

/// A unary call that asks an upstream for its health: the method and, if it takes one, the name of a model.
///
/// The method of most services gets an empty message. Three methods of the Open Inference Protocol say in their answer
/// whether the server is live or ready: `ServerLive`, `ServerReady` and `ModelReady`. The last of them asks for a
/// model, which `?name=MODEL&version=VERSION` names.
package struct HealthCall: Hashable, Sendable, CustomStringConvertible {
    /// `/SERVICE/METHOD`.
    package let path: String
    /// The model that `ModelReady` asks for; `nil` for other methods.
    package let model: String?
    /// The request's message, without gRPC's header.
    package let message: [UInt8]
    /// The name of the answer's first field, a Boolean that says whether the upstream is well; `nil` if only the status
    /// counts.
    package let verdict: String?
    /// As it was written.
    package let description: String

    private static let inference = "/inference.GRPCInferenceService/"
    /// By method, the name of the answer's first field (`open_inference_grpc.proto`).
    private static let verdicts = ["ServerLive": "live", "ServerReady": "ready", "ModelReady": "ready"]

    /// Reads `/SERVICE/METHOD`, with a query if the method is `ModelReady`.
    package init(reading text: String) throws(HealthCheckFlaw) {
        let path = text.prefix { $0 != "?" }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].isEmpty, !parts[1].isEmpty, !parts[2].isEmpty, !path.contains("#") else {
            throw HealthCheckFlaw(allowed: "grpc-call:/SERVICE/METHOD, such as grpc-call:/echo.Echo/Ping")
        }
        self.path = String(path)
        description = text
        let isInference = path.hasPrefix(Self.inference)
        verdict = isInference ? Self.verdicts[String(parts[2])] : nil
        guard path.count < text.count else {
            message = []
            model = nil
            return
        }
        guard isInference, parts[2] == "ModelReady" else {
            throw HealthCheckFlaw(
                allowed: "grpc-call:/SERVICE/METHOD without a query, which only \(Self.inference)ModelReady takes")
        }
        let model = try Self.model(reading: text.dropFirst(path.count + 1))
        self.model = model.name
        message = ProtobufText.field(1, model.name) + (model.version.map { ProtobufText.field(2, $0) } ?? [])
    }

    private static func model(reading query: Substring) throws(HealthCheckFlaw) -> (name: String, version: String?) {
        var found: [String: String] = [:]
        for part in query.split(separator: "&", omittingEmptySubsequences: false) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, ["name", "version"].contains(pair[0]), found[String(pair[0])] == nil,
                let value = decoded(pair[1]), !value.isEmpty
            else {
                throw modelExpected
            }
            found[String(pair[0])] = value
        }
        guard let name = found["name"] else { throw modelExpected }
        return (name, found["version"])
    }

    private static let modelExpected = HealthCheckFlaw(
        allowed: "\(inference)ModelReady?name=MODEL or ?name=MODEL&version=VERSION, with %2C for a comma")

    /// The text with its percent-encoded bytes decoded (RFC 3986, section 2.1); `nil` if it is malformed.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16),
                rest.first != UInt8(ascii: "+")
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
