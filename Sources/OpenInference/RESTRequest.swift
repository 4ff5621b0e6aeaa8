/// A request for inference in its JSON form, not yet held against a model.
struct RESTRequest: Sendable {
    struct Input: Sendable {
        var name: String?
        var datatype: String?
        var shape: [Int64]?
        var contentType: ContentType?
        /// The size of the elements in bytes if they follow the JSON.
        var binarySize: Int?
        var elements: JSONElements?
    }

    struct Output: Sendable {
        var name: String?
        var contentType: ContentType?
        /// Whether the elements are to follow the JSON; nil leaves that to the request.
        var isBinary: Bool?
    }

    var id: String?
    var contentType: ContentType?
    /// Whether outputs are to follow the JSON unless they say otherwise.
    var wantsBinary = false
    var inputs: [Input]?
    var outputs: [Output] = []
}
