import Ground
import JSONText

/// What an endpoint says of its version, in refusals.
struct EndpointVersionBody: Encodable {
    var endpoint: String
    /// Left out if it doesn't say.
    var versions: [String]?
    /// Who of it has said so.
    var by: String?
    /// Why it doesn't say.
    var error: String?

    init(_ version: EndpointVersion) {
        endpoint = version.endpoint.description
        switch version.word {
        case .says(let versions, let way): (self.versions, by) = (shortened(versions), way)
        case .silent: error = version.word.description
        }
    }
}
