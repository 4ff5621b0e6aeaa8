import Estimators
import Inference
import JSONText

extension OpenInference {
    /// The field of HTTP with the length of the JSON, behind which there are bytes.
    static let headerLengthField = "inference-header-content-length"

    /// Whether a path belongs to the protocol.
    package static func serves(_ path: String) -> Bool {
        path.hasPrefix("/v2") && path.dropFirst(3).first.map { $0 == "/" || $0 == "?" } ?? true
    }

    /// Answers a request of HTTP.
    ///
    /// - Parameters:
    ///   - method: of the request.
    ///   - path: with or without the query, which is ignored.
    ///   - header: gives the value of a field by its name in lower case; nil if there is none.
    ///   - body: of the request, decompressed.
    package func respond(
        method: String, path: String, header: (String) -> String?, body: [UInt8]
    ) -> RESTResponse {
        guard let route = RESTRoute(path) else {
            return RESTResponse(404, error: "there is nothing here; try GET /v2 or POST /v2/models/NAME/infer")
        }
        guard method == route.method || method == "HEAD" && route.method == "GET" else {
            let allowed = route.method == "GET" ? "GET, HEAD" : route.method
            return RESTResponse(
                405, error: "the method is not one of \(allowed)", headers: [.init(name: "allow", value: allowed)])
        }
        do throws(InferenceFailure) {
            switch route {
            case .server: return describeServer()
            case .live: return flag("live", true)
            case .ready: return flag("ready", isReady)
            case .model(let name, let version, .ready):
                return flag("ready", try isReady(name, version: version), name: name)
            case .model(let name, let version, .describe): return try describe(name, version: version)
            case .model(let name, let version, .infer):
                return try infer(try model(name, version: version), header: header, body: body)
            }
        } catch {
            return RESTResponse(error.httpStatus, error: error.message)
        }
    }

    private func describeServer() -> RESTResponse {
        var writer = JSONWriter()
        writer.object {
            $0.member("name", server.name)
            $0.member("version", server.version)
            $0.member("extensions") { writer in
                writer.array { for name in Server.extensions { $0.value(name) } }
            }
        }
        return RESTResponse(json: writer.finish())
    }

    private func flag(_ member: String, _ value: Bool, name: String? = nil) -> RESTResponse {
        var writer = JSONWriter()
        writer.object {
            if let name { $0.member("name", name) }
            $0.member(member, value)
        }
        return RESTResponse(value ? 200 : 503, json: writer.finish())
    }

    private func describe(_ name: String, version: String) throws(InferenceFailure) -> RESTResponse {
        let model = try model(name, version: version)
        let versions = try versions(name).entry.versions
        var writer = JSONWriter()
        writer.object {
            $0.member("name", name)
            $0.member("versions") { writer in
                writer.array { for version in versions { $0.value(version.version) } }
            }
            $0.member("platform", Self.platform)
            $0.member("inputs") { $0.tensors(model.inputs) }
            $0.member("outputs") { $0.tensors(model.outputs) }
        }
        return RESTResponse(json: writer.finish())
    }

    // MARK: Inference

    private func infer(
        _ model: InferenceModel, header: (String) -> String?, body: [UInt8]
    ) throws(InferenceFailure) -> RESTResponse {
        let headerLength = try Self.headerLength(header(Self.headerLengthField), body: body)
        let request = try RESTRequestParser.parse(body, count: headerLength ?? body.count, mostTensors: mostTensors)
        let outputs = try Self.outputs(request, of: model)
        guard let described = request.inputs else { throw .invalidArgument("\"inputs\" is missing") }
        let inputs = try RESTInputs(described, body: body, headerLength: headerLength)
        let input = try InputTable(inputs, contentType: request.contentType, features: model.served.model.features)
        let answer = try answer(input, of: model, probabilities: outputs.wantProbabilities)

        var bytes: [UInt8] = []
        var writer = JSONWriter(capacity: 256 + 32 * input.table.rows)
        writer.object {
            $0.member("model_name", model.name)
            $0.member("model_version", model.served.version)
            if let id = request.id { $0.member("id", id) }
            $0.member("outputs") { writer in
                writer.array {
                    for output in outputs.list { $0.tensor(model.tensor(output, answer), bytes: &bytes) }
                }
            }
        }
        let json = writer.finish()
        let isBinary = outputs.list.contains(where: \.isBinary)
        return isBinary ? RESTResponse(json: json, bytes: bytes) : RESTResponse(json: json)
    }

    private static func headerLength(_ value: String?, body: [UInt8]) throws(InferenceFailure) -> Int? {
        guard let value else { return nil }
        guard value.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let length = Int(value), length <= body.count else {
            throw .invalidArgument(
                "\(headerLengthField) is not a number of bytes, or larger than the body, which has \(body.count)")
        }
        return length
    }

    private static func outputs(
        _ request: RESTRequest, of model: InferenceModel
    ) throws(InferenceFailure) -> RequestedOutputs {
        guard !request.outputs.isEmpty else {
            return RequestedOutputs([RequestedOutput(kind: .predict, isBinary: request.wantsBinary)])
        }
        var outputs = RequestedOutputs()
        for (index, output) in request.outputs.enumerated() {
            guard let name = output.name else { throw .invalidArgument("output \(index): \"name\" is missing") }
            try outputs.add(
                name, contentType: output.contentType, isBinary: output.isBinary ?? request.wantsBinary, of: model)
        }
        return outputs
    }
}

extension JSONWriter {
    fileprivate mutating func tensors(_ tensors: [TensorDescription]) {
        array { writer in
            for tensor in tensors {
                writer.object {
                    $0.member("name", tensor.name)
                    $0.member("datatype", tensor.datatype.rawValue)
                    $0.member("shape") { writer in
                        writer.array {
                            $0.value(-1)
                            $0.value(tensor.columns)
                        }
                    }
                }
            }
        }
    }

    /// - Parameter bytes: gets the elements if they are to follow the JSON.
    fileprivate mutating func tensor(_ tensor: OutputTensor, bytes: inout [UInt8]) {
        var size: Int?
        if tensor.request.isBinary {
            let before = bytes.count
            tensor.appendRawContents(to: &bytes)
            size = bytes.count - before
        }
        object {
            $0.member("name", tensor.name)
            $0.member("shape") { writer in
                writer.array {
                    $0.value(tensor.rows)
                    $0.value(tensor.columns)
                }
            }
            $0.member("datatype", tensor.datatype.rawValue)
            $0.member("parameters") { writer in
                writer.object {
                    $0.member(ContentType.parameter, tensor.request.contentType.rawValue)
                    if let size { $0.member("binary_data_size", size) }
                }
            }
            if size == nil { $0.member("data") { $0.elements(tensor.values) } }
        }
    }

    private mutating func elements(_ values: OutputTensor.Values) {
        array {
            switch values {
            case .integers(let integers): for integer in integers { $0.value(integer) }
            case .doubles(let doubles): for double in doubles { $0.value(double) }
            case .booleans(let booleans): for boolean in booleans { $0.value(boolean) }
            case .texts(let texts): for text in texts { $0.value(text) }
            }
        }
    }
}

extension OutputTensor {
    fileprivate func appendRawContents(to bytes: inout [UInt8]) {
        unsafe withRawContents { unsafe bytes.append(contentsOf: $0) }
    }
}
