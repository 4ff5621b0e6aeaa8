import Estimators

/// Reads the body of a prediction request in KServe's V1 form, `{"instances": [[5.1, 3.5, 1.4, 0.2], …]}`.
///
/// The numbers go straight from the text into one array, without a tree of values in between. Other members of the
/// object are ignored. JSON (RFC 8259) has no NaN or infinity, but Python's `json` writes them, and the model says
/// whether it takes them.
package struct InstancesParser {
    private var scanner: JSONScanner
    private let width: Int

    /// Reads a body.
    ///
    /// - Parameters:
    ///   - body: The bytes of the request.
    ///   - width: Number of features that each row must have; at least 1.
    /// - Throws: ``RequestError`` that says which row is wrong and why.
    package static func parse(_ body: [UInt8], width: Int) throws(RequestError) -> Instances {
        var parser = InstancesParser(scanner: JSONScanner(body), width: width)
        return try parser.parse()
    }

    private mutating func parse() throws(RequestError) -> Instances {
        guard try scanner.kind() == .object else {
            throw .form(reason: "the body is \(try scanner.kind().description), not an object with \"instances\"")
        }
        var features: [Double]?
        try scanner.enter("{")
        var isFirst = true
        while try scanner.next(before: "}", isFirst: &isFirst) {
            let name = try scanner.string()
            try scanner.expect(":")
            if name == "instances" {
                guard features == nil else { throw .form(reason: "\"instances\" is there twice") }
                features = try rows()
            } else {
                try scanner.skipValue()
            }
        }
        try scanner.expectEnd()
        guard let features else { throw .form(reason: "\"instances\" is missing") }
        guard !features.isEmpty else { throw .form(reason: "\"instances\" has no rows") }
        return Instances(features: features, width: width)
    }

    private mutating func rows() throws(RequestError) -> [Double] {
        guard try scanner.kind() == .array else {
            throw .form(reason: "\"instances\" is \(try scanner.kind().description), not an array of rows")
        }
        var features: [Double] = []
        var row = 0
        try scanner.enter("[")
        var isFirst = true
        while try scanner.next(before: "]", isFirst: &isFirst) {
            try appendRow(row, to: &features)
            row += 1
        }
        return features
    }

    private mutating func appendRow(_ row: Int, to features: inout [Double]) throws(RequestError) {
        let kind = try scanner.kind()
        guard kind == .array else { throw .row(row, .notAnArray(found: kind.description)) }
        let start = features.count
        var isFirst = true
        try scanner.enter("[")
        while try scanner.next(before: "]", isFirst: &isFirst) {
            let index = features.count - start
            let kind = try scanner.kind()
            guard kind == .number else { throw .row(row, .notANumber(index: index, found: kind.description)) }
            let number = try scanner.number()
            features.append(number)
        }
        let count = features.count - start
        guard count == width else { throw .features(.row(row, .count(found: count, expected: width))) }
    }
}
