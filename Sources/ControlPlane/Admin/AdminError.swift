import HTTP1
import HTTPTypes
import NIOCore

/// An error answer: a status, a sentence, and details that help.
struct AdminError: Error {
    var status: HTTPResponse.Status
    var message: String
    var headers = HTTPFields()
    /// The state of the colors, for a change that was refused.
    var details: Details?

    /// What the answer to a refused change contains besides its message.
    struct Details: Encodable {
        var active: String
        var epoch: UInt64
        /// The health of the requested color, if that is why the change was refused.
        var health: ColorHealthBody?
        /// The version that the color doesn't say it is, if that is why.
        var expected: ExpectedVersion?
        /// What its endpoints say instead.
        var versions: [EndpointVersionBody]?
    }

    init(_ status: HTTPResponse.Status, _ message: String, headers: HTTPFields = [:], details: Details? = nil) {
        self.status = status
        self.message = message
        self.headers = headers
        self.details = details
    }

    static func badRequest(_ message: String) -> AdminError {
        AdminError(.badRequest, message)
    }

    /// `{"error": …}`, with the details beside it.
    var response: Response {
        do {
            return try .json(Body(error: message, details: details), status: status, headers: headers)
        } catch {
            // Everything in the body can be written as JSON.
            return Response(status: .internalServerError)
        }
    }

    private struct Body: Encodable {
        var error: String
        var details: Details?

        enum CodingKeys: CodingKey {
            case error
        }

        func encode(to encoder: any Encoder) throws {
            try details?.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(error, forKey: .error)
        }
    }
}

extension Response {
    /// A JSON body that caches must not store.
    static func json(
        _ body: some Encodable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) throws -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        headers[.cacheControl] = "no-store"
        let bytes = try JSONCoding.document(body)
        return Response(status: status, headers: headers, body: ByteBuffer(bytes: bytes))
    }
}
