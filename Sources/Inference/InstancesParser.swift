import Estimators

/// Reads the body of a prediction request in KServe's V1 form, `{"instances": [[5.1, 3.5, 1.4, 0.2], …]}`.
///
/// A row is an array in the order of the model's features, or an object with a member for each feature by its name, as a
/// data frame's records are written. A feature that was trained as text is a string; `null` stands for a missing value,
/// if the model takes any there. Other members of the body, and members of a row that the model doesn't know, are ignored.
///
/// The numbers go straight from the text into one array, without a tree of values in between. JSON (RFC 8259) has no NaN or
/// infinity, but Python's `json` writes them, and the model says whether it takes them.
package struct InstancesParser {
    private var scanner: JSONScanner
    private let features: Features
    /// The places of the features by name; empty if the model knows no names.
    private let places: [String: Int]

    /// Every row's features one after the other; a text's place holds NaN.
    private var numbers: [Double] = []
    /// For each feature that is text, that of every row.
    private var texts: [Int: [String?]]

    /// Reads a body.
    ///
    /// - Parameters:
    ///   - body: The bytes of the request.
    ///   - features: those that each row must have.
    /// - Throws: ``RequestError`` that says which row is wrong and why.
    package static func parse(_ body: [UInt8], features: Features) throws(RequestError) -> Table {
        var parser = InstancesParser(JSONScanner(body), features)
        return try parser.parse()
    }

    private init(_ scanner: JSONScanner, _ features: Features) {
        self.scanner = scanner
        self.features = features
        var places: [String: Int] = [:]
        for (index, name) in (features.names ?? []).enumerated() { places[name] = index }
        self.places = places
        var texts: [Int: [String?]] = [:]
        for index in features.texts { texts[index] = [] }
        self.texts = texts
    }

    private mutating func parse() throws(RequestError) -> Table {
        guard try scanner.kind() == .object else {
            throw .form(reason: "the body is \(try scanner.kind().description), not an object with \"instances\"")
        }
        var rows: Int?
        try scanner.enter("{")
        var isFirst = true
        while try scanner.next(before: "}", isFirst: &isFirst) {
            let name = try scanner.string()
            try scanner.expect(":")
            if name == "instances" {
                guard rows == nil else { throw .form(reason: "\"instances\" is there twice") }
                rows = try parseRows()
            } else {
                try scanner.skipValue()
            }
        }
        try scanner.expectEnd()
        guard let rows else { throw .form(reason: "\"instances\" is missing") }
        guard rows > 0 else { throw .form(reason: "\"instances\" has no rows") }
        return table(rows: rows)
    }

    private func table(rows: Int) -> Table {
        let matrix = Matrix(rows: rows, columns: features.count, values: numbers)
        guard !texts.isEmpty else { return Table(matrix) }
        return Table(
            columns: (0..<features.count).map { index in
                Column(
                    name: features.names?[index],
                    values: texts[index].map { .texts($0) } ?? .numbers((0..<rows).map { matrix[$0, index] }))
            })
    }

    /// - Returns: the number of rows.
    private mutating func parseRows() throws(RequestError) -> Int {
        guard try scanner.kind() == .array else {
            throw .form(reason: "\"instances\" is \(try scanner.kind().description), not an array of rows")
        }
        var row = 0
        try scanner.enter("[")
        var isFirst = true
        while try scanner.next(before: "]", isFirst: &isFirst) {
            switch try scanner.kind() {
            case .array: try parseArray(row)
            case .object: try parseObject(row)
            case let kind: throw .row(row, .notAnArray(found: kind.description))
            }
            row += 1
        }
        return row
    }

    private mutating func parseArray(_ row: Int) throws(RequestError) {
        let start = numbers.count
        var isFirst = true
        try scanner.enter("[")
        while try scanner.next(before: "]", isFirst: &isFirst) {
            let index = numbers.count - start
            if index < features.count {
                numbers.append(try feature(index, ofRow: row))
            } else {
                // Its only use is to be counted.
                try scanner.skipValue()
                numbers.append(0)
            }
        }
        let count = numbers.count - start
        guard count == features.count else {
            throw .features(.row(row, .count(found: count, expected: features.count)))
        }
    }

    private mutating func parseObject(_ row: Int) throws(RequestError) {
        guard !places.isEmpty else { throw .row(row, .noNames) }
        let start = numbers.count
        numbers.append(contentsOf: repeatElement(.nan, count: features.count))
        var isThere = [Bool](repeating: false, count: features.count)
        var isFirst = true
        try scanner.enter("{")
        while try scanner.next(before: "}", isFirst: &isFirst) {
            let name = try scanner.text()
            try scanner.expect(":")
            guard let index = places[name] else {
                try scanner.skipValue()
                continue
            }
            guard !isThere[index] else { throw .row(row, .twice(Feature(index: index, name: name))) }
            isThere[index] = true
            numbers[start + index] = try feature(index, ofRow: row)
        }
        if let missing = isThere.firstIndex(of: false) {
            throw .row(row, .missing(Feature(index: missing, name: features.names?[missing])))
        }
    }

    /// Reads one feature.
    ///
    /// - Returns: the number; NaN if the feature is text, which is kept.
    private mutating func feature(_ index: Int, ofRow row: Int) throws(RequestError) -> Double {
        let kind = try scanner.kind()
        // Most models have no text, and then no set has to be searched for each number.
        if !texts.isEmpty, features.texts.contains(index) {
            switch kind {
            case .string: texts[index]?.append(try scanner.text())
            case .null:
                try scanner.null()
                texts[index]?.append(nil)
            default: throw .row(row, .notText(index: index, found: kind.description))
            }
            return .nan
        }
        if kind == .null, features.unusual != .none {
            try scanner.null()
            return .nan
        }
        guard kind == .number else { throw .row(row, .notANumber(index: index, found: kind.description)) }
        return try scanner.number()
    }
}
