import JSONText

/// An answer of HTTP.
package struct RESTResponse: Sendable, Equatable {
    package struct Header: Sendable, Equatable {
        package let name: String
        package let value: String
    }

    package let status: Int
    /// Without the length of the body.
    package let headers: [Header]
    package let body: [UInt8]

    init(_ status: Int = 200, json: [UInt8], headers: [Header] = []) {
        self.status = status
        self.headers = [Header(name: "content-type", value: "application/json")] + headers
        body = json
    }

    /// - Parameter json: what precedes the bytes.
    init(json: [UInt8], bytes: [UInt8]) {
        status = 200
        headers = [
            Header(name: "content-type", value: "application/octet-stream"),
            Header(name: OpenInference.headerLengthField, value: "\(json.count)"),
        ]
        body = json + bytes
    }

    /// `{"error": …}`.
    init(_ status: Int, error: String, headers: [Header] = []) {
        var writer = JSONWriter()
        writer.object { $0.member("error", error) }
        self.init(status, json: writer.finish(), headers: headers)
    }
}
