import Inference

/// Reads a request for inference from JSON. Members that aren't known are ignored.
struct RESTRequestParser {
    private var scanner: JSONScanner
    private let mostTensors: Int
    private var request = RESTRequest()

    /// - Parameters:
    ///   - body: beginning with the JSON.
    ///   - count: The length of the JSON.
    ///   - mostTensors: how many inputs, and how many outputs, there may be. One that takes three bytes of JSON takes hundreds
    ///     here.
    static func parse(_ body: [UInt8], count: Int, mostTensors: Int) throws(InferenceFailure) -> RESTRequest {
        var parser = RESTRequestParser(scanner: JSONScanner(body, count: count), mostTensors: mostTensors)
        do throws(RequestError) {
            try parser.parse()
        } catch {
            throw InferenceFailure(error)
        }
        return parser.request
    }

    private init(scanner: JSONScanner, mostTensors: Int) {
        self.scanner = scanner
        self.mostTensors = mostTensors
    }

    private mutating func parse() throws(RequestError) {
        guard try scanner.kind() == .object else {
            throw .form(reason: "the request is \(try scanner.kind().description), not an object with \"inputs\"")
        }
        try scanner.enter("{")
        var isFirst = true
        while try scanner.next(before: "}", isFirst: &isFirst) {
            let name = try scanner.text()
            try scanner.expect(":")
            switch name {
            case "id": request.id = try optional("id") { parser throws(RequestError) in try parser.string("id") }
            case "parameters":
                _ = try optional("parameters") { parser throws(RequestError) in try parser.requestParameters() }
            case "inputs":
                guard request.inputs == nil else { throw .form(reason: "\"inputs\" is there twice") }
                request.inputs = try inputs()
            case "outputs":
                guard request.outputs.isEmpty else { throw .form(reason: "\"outputs\" is there twice") }
                request.outputs =
                    try optional("outputs") { parser throws(RequestError) in try parser.outputs() } ?? []
            default: try scanner.skipValue()
            }
        }
        try scanner.expectEnd()
    }

    // MARK: Inputs

    private mutating func inputs() throws(RequestError) -> [RESTRequest.Input] {
        var inputs: [RESTRequest.Input] = []
        try enter("[", .array, "\"inputs\"")
        var isFirst = true
        while try scanner.next(before: "]", isFirst: &isFirst) {
            guard inputs.count < mostTensors else { throw .form(reason: "there are more than \(mostTensors) inputs") }
            inputs.append(try input(inputs.count))
        }
        return inputs
    }

    private mutating func input(_ index: Int) throws(RequestError) -> RESTRequest.Input {
        let subject = "input \(index)"
        var input = RESTRequest.Input()
        try enter("{", .object, subject)
        var isFirst = true
        while try scanner.next(before: "}", isFirst: &isFirst) {
            let name = try scanner.text()
            try scanner.expect(":")
            switch name {
            case "name": input.name = try string("\(subject): \"name\"")
            case "datatype": input.datatype = try string("\(subject): \"datatype\"")
            case "shape": input.shape = try shape(subject)
            case "data":
                guard input.elements == nil else { throw .form(reason: "\(subject): \"data\" is there twice") }
                input.elements = try optional("data") { parser throws(RequestError) in
                    try JSONElements(&parser.scanner, of: subject)
                }
            case "parameters": try parameters(subject, of: &input)
            default: try scanner.skipValue()
            }
        }
        return input
    }

    private mutating func shape(_ subject: String) throws(RequestError) -> [Int64] {
        var shape: [Int64] = []
        try enter("[", .array, "\(subject): \"shape\"")
        var isFirst = true
        while try scanner.next(before: "]", isFirst: &isFirst) {
            shape.append(try integer("\(subject): element \(shape.count) of \"shape\""))
        }
        return shape
    }

    // MARK: Outputs

    private mutating func outputs() throws(RequestError) -> [RESTRequest.Output] {
        var outputs: [RESTRequest.Output] = []
        try enter("[", .array, "\"outputs\"")
        var isFirst = true
        while try scanner.next(before: "]", isFirst: &isFirst) {
            guard outputs.count < mostTensors else { throw .form(reason: "there are more than \(mostTensors) outputs") }
            outputs.append(try output(outputs.count))
        }
        return outputs
    }

    private mutating func output(_ index: Int) throws(RequestError) -> RESTRequest.Output {
        let subject = "output \(index)"
        var output = RESTRequest.Output()
        try enter("{", .object, subject)
        var isFirst = true
        while try scanner.next(before: "}", isFirst: &isFirst) {
            let name = try scanner.text()
            try scanner.expect(":")
            switch name {
            case "name": output.name = try string("\(subject): \"name\"")
            case "parameters": try parameters(subject, of: &output)
            default: try scanner.skipValue()
            }
        }
        return output
    }

    // MARK: Parameters

    private mutating func requestParameters() throws(RequestError) {
        try forEachParameter("the request") { parser, name throws(RequestError) in
            switch name {
            case ContentType.parameter: parser.request.contentType = try parser.contentType("the request")
            case "binary_data_output":
                parser.request.wantsBinary = try parser.boolean("the parameter \"binary_data_output\"")
            default: try parser.scanner.skipValue()
            }
        }
    }

    private mutating func parameters(
        _ subject: String, of input: inout RESTRequest.Input
    ) throws(RequestError) {
        try forEachParameter(subject) { parser, name throws(RequestError) in
            switch name {
            case ContentType.parameter: input.contentType = try parser.contentType(subject)
            case "binary_data_size":
                let size = try parser.integer("\(subject): the parameter \"binary_data_size\"")
                guard size >= 0 else { throw .form(reason: "\(subject): its \"binary_data_size\" is negative") }
                input.binarySize = Int(size)
            default: try parser.scanner.skipValue()
            }
        }
    }

    private mutating func parameters(
        _ subject: String, of output: inout RESTRequest.Output
    ) throws(RequestError) {
        try forEachParameter(subject) { parser, name throws(RequestError) in
            switch name {
            case ContentType.parameter: output.contentType = try parser.contentType(subject)
            case "binary_data": output.isBinary = try parser.boolean("\(subject): the parameter \"binary_data\"")
            default: try parser.scanner.skipValue()
            }
        }
    }

    private mutating func forEachParameter(
        _ subject: String, _ body: (inout RESTRequestParser, String) throws(RequestError) -> Void
    ) throws(RequestError) {
        guard try scanner.kind() != .null else { return try scanner.null() }
        try enter("{", .object, "\(subject): \"parameters\"")
        var isFirst = true
        while try scanner.next(before: "}", isFirst: &isFirst) {
            let name = try scanner.text()
            try scanner.expect(":")
            do throws(InferenceFailure) {
                try UnservedParameter.check([name], of: subject)
            } catch {
                throw .form(reason: error.message)
            }
            try body(&self, name)
        }
    }

    /// MLServer's clients write null where there is none.
    private mutating func contentType(_ subject: String) throws(RequestError) -> ContentType? {
        try optional("content_type") { parser throws(RequestError) in
            let name = try parser.string("\(subject): the parameter \"content_type\"")
            do throws(InferenceFailure) {
                return try ContentType(name, of: subject)
            } catch {
                throw .form(reason: error.message)
            }
        }
    }

    // MARK: Values

    private mutating func enter(
        _ bracket: Unicode.Scalar, _ expected: JSONScanner.Kind, _ subject: String
    ) throws(RequestError) {
        let kind = try scanner.kind()
        guard kind == expected else {
            throw .form(reason: "\(subject) is \(kind.description), not \(expected.description)")
        }
        try scanner.enter(bracket)
    }

    /// Reads a value that may be null.
    private mutating func optional<Value>(
        _ name: String, _ read: (inout RESTRequestParser) throws(RequestError) -> Value?
    ) throws(RequestError) -> Value? {
        guard try scanner.kind() == .null else { return try read(&self) }
        try scanner.null()
        return nil
    }

    private mutating func string(_ subject: String) throws(RequestError) -> String {
        let kind = try scanner.kind()
        guard kind == .string else { throw .form(reason: "\(subject) is \(kind.description), not a string") }
        return try scanner.text()
    }

    private mutating func boolean(_ subject: String) throws(RequestError) -> Bool {
        let kind = try scanner.kind()
        guard kind == .boolean else { throw .form(reason: "\(subject) is \(kind.description), not a boolean") }
        return try scanner.boolean()
    }

    private mutating func integer(_ subject: String) throws(RequestError) -> Int64 {
        let kind = try scanner.kind()
        guard kind == .number else { throw .form(reason: "\(subject) is \(kind.description), not a number") }
        let number = try scanner.number()
        // Beyond this a double doesn't tell integers apart, and no tensor is as large.
        guard abs(number) <= 0x1p53 else { throw .form(reason: "\(subject) is \(number), which is too large") }
        guard let integer = Int64(exactly: number) else {
            throw .form(reason: "\(subject) is \(number), not an integer")
        }
        return integer
    }
}
