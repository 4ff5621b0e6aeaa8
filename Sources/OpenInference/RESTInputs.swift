import Estimators

/// The inputs of a request in the REST form, whose elements are JSON or bytes behind the JSON.
struct RESTInputs: InputTensors {
    private let inputs: [RESTRequest.Input]
    private let body: [UInt8]
    /// Where each input's elements are in the body, if they are bytes.
    private let places: [Range<Int>?]

    /// - Parameters:
    ///   - body: The whole body.
    ///   - headerLength: The length of the JSON if the caller says so.
    init(_ inputs: [RESTRequest.Input], body: [UInt8], headerLength: Int?) throws(InferenceFailure) {
        self.inputs = inputs
        self.body = body
        var places: [Range<Int>?] = []
        var offset = headerLength ?? body.count
        for (index, input) in inputs.enumerated() {
            guard let size = input.binarySize else {
                guard input.elements != nil else { throw .invalidArgument("input \(index): \"data\" is missing") }
                places.append(nil)
                continue
            }
            guard input.elements == nil else {
                throw .invalidArgument("input \(index): it has both \"data\" and a \"binary_data_size\"")
            }
            guard headerLength != nil else {
                throw .invalidArgument(
                    "input \(index): it has a \"binary_data_size\", but the request has no "
                        + "\(OpenInference.headerLengthField) to tell where the JSON ends")
            }
            guard body.count - offset >= size else {
                throw .invalidArgument(
                    "input \(index): its \"binary_data_size\" is \(size), but only \(body.count - offset) bytes are left"
                )
            }
            places.append(offset..<offset + size)
            offset += size
        }
        guard offset == body.count else {
            throw .invalidArgument("\(body.count - offset) bytes of the body belong to no input")
        }
        self.places = places
    }

    var count: Int { inputs.count }

    func head(_ index: Int, form: InputForm) throws(InferenceFailure) -> TensorHead {
        let input = inputs[index]
        guard let name = input.name, let datatype = input.datatype, let shape = input.shape else {
            let missing = input.name == nil ? "name" : input.datatype == nil ? "datatype" : "shape"
            throw .invalidArgument("input \(index): \"\(missing)\" is missing")
        }
        return try TensorHead(name: name, datatype: datatype, shape: shape, form: form)
    }

    func contentType(_ index: Int) -> ContentType? { inputs[index].contentType }

    func values(_ index: Int, _ head: TensorHead) throws(InferenceFailure) -> Column.Values {
        if let place = places[index] {
            // Bytes have no padding.
            return try unsafe RawContents.values(body.span.bytes.extracting(place), head)
        }
        guard let elements = inputs[index].elements else {
            preconditionFailure("each input has its elements somewhere")
        }
        return try elements.values(head)
    }
}
