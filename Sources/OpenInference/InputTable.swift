import Estimators
import Pickle

/// A request's inputs, whatever form they have.
protocol InputTensors {
    var count: Int { get }

    /// What an input says of itself.
    func head(_ index: Int, form: InputForm) throws(InferenceFailure) -> TensorHead

    /// How an input is to be understood, if it says so.
    func contentType(_ index: Int) throws(InferenceFailure) -> ContentType?

    /// An input's elements: as many as its head says.
    func values(_ index: Int, _ head: TensorHead) throws(InferenceFailure) -> Column.Values
}

/// The table that a request's inputs make up.
struct InputTable {
    let table: Table
    /// The name of the tensor if it is the only one.
    private let name: String?

    /// - Parameters:
    ///   - contentType: how the request is to be understood, if it says so: without that, a single input has all features,
    ///     and several have one each.
    ///   - features: the model's.
    init(_ inputs: some InputTensors, contentType: ContentType?, features: Features) throws(InferenceFailure) {
        guard inputs.count > 0 else { throw .invalidArgument("the request has no inputs") }
        guard inputs.count > 1 || contentType == .pd else {
            let head = try inputs.head(0, form: .matrix(width: features.count))
            name = head.name
            table = Self.table(try Self.values(inputs, 0, head, contentType), head)
            return
        }
        if let contentType, contentType != .pd {
            throw .invalidArgument(
                "the content_type '\(contentType)' is for a single input, but there are \(inputs.count)")
        }
        name = nil
        table = Table(columns: try Self.columns(inputs))
    }

    private static func columns(_ inputs: some InputTensors) throws(InferenceFailure) -> [Column] {
        var columns: [Column] = []
        var names: Set<String> = []
        for index in 0..<inputs.count {
            let head = try inputs.head(index, form: .columns)
            guard names.insert(head.name).inserted else {
                throw .invalidArgument("there are several tensors \(quoted(head.name))")
            }
            if let first = columns.first, head.rows != first.count {
                throw head.failure("\(head.rows) rows, but \(quoted(first.name ?? "")) has \(first.count)")
            }
            columns.append(Column(name: head.name, values: try values(inputs, index, head, nil)))
        }
        return columns
    }

    private static func values(
        _ inputs: some InputTensors, _ index: Int, _ head: TensorHead, _ ofRequest: ContentType?
    ) throws(InferenceFailure) -> Column.Values {
        if try inputs.contentType(index) ?? ofRequest == .str, head.datatype != .bytes {
            throw head.failure("the content_type 'str' is for BYTES, not for \(head.datatype.rawValue)")
        }
        return try inputs.values(index, head)
    }

    private static func table(_ values: Column.Values, _ head: TensorHead) -> Table {
        switch values {
        case .numbers(let numbers):
            return Table(Matrix(rows: head.rows, columns: head.columns, values: numbers))
        case .texts(let texts):
            return Table(
                columns: (0..<head.columns).map { column in
                    Column(name: nil, values: .texts((0..<head.rows).map { texts[$0 * head.columns + column] }))
                })
        }
    }

    /// Why the model doesn't take the table.
    func failure(_ error: FeatureError) -> InferenceFailure {
        guard let name else { return InferenceFailure(error) }
        return .invalidArgument("tensor \(quoted(name)): \(error)")
    }
}
