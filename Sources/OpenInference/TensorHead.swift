import Pickle

/// How the inputs make up a table.
enum InputForm: Sendable, Equatable {
    /// One tensor with all features, `[rows, features]`.
    case matrix(width: Int)
    /// A tensor for each feature, `[rows]` or `[rows, 1]`.
    case columns
}

/// What an input says of itself before its elements.
struct TensorHead: Sendable {
    let name: String
    let datatype: Datatype
    /// At least 1.
    let rows: Int
    /// At least 1.
    let columns: Int

    /// The number of elements.
    var count: Int { rows * columns }

    /// Checks everything that can be checked without the elements. Nothing is allocated by what a shape says.
    ///
    /// - Parameter shape: of any length and content.
    init(name: String, datatype: String, shape: [Int64], form: InputForm) throws(InferenceFailure) {
        self.name = name
        guard let known = Datatype(rawValue: datatype) else {
            throw .invalidArgument(
                "tensor \(quoted(name)): the datatype \(quoted(datatype)) is none of BOOL, INT8 to INT64, UINT8 to UINT64, "
                    + "FP16, BF16, FP32, FP64 and BYTES")
        }
        self.datatype = known
        let expected: Int
        switch form {
        case .matrix(let width): expected = width
        case .columns: expected = 1
        }
        guard shape.count == 2 || shape.count == 1 && expected == 1, shape.allSatisfy({ $0 >= 0 }) else {
            throw Self.failure(name, shape, form)
        }
        guard shape[0] > 0 else { throw .invalidArgument("tensor \(quoted(name)) has no rows") }
        rows = Int(shape[0])
        columns = shape.count == 2 ? Int(shape[1]) : 1
        guard columns == expected, !rows.multipliedReportingOverflow(by: columns).overflow else {
            throw Self.failure(name, shape, form)
        }
    }

    private static func failure(_ name: String, _ shape: [Int64], _ form: InputForm) -> InferenceFailure {
        let longest = 8
        let numbers = shape.prefix(longest).map(\.description) + (shape.count > longest ? ["…"] : [])
        let found = "tensor \(quoted(name)) has the shape [\(numbers.joined(separator: ", "))]"
        switch form {
        case .matrix(let width):
            return .invalidArgument(
                "\(found), but the model takes [rows, \(width)], or a tensor for each of its \(width) features")
        case .columns:
            return .invalidArgument("\(found), but a tensor that is one of several is a column, [rows] or [rows, 1]")
        }
    }
}

extension TensorHead {
    /// A failure that names the tensor.
    func failure(_ reason: String) -> InferenceFailure {
        .invalidArgument("tensor \(quoted(name)): \(reason)")
    }

    /// A failure that names the element too.
    ///
    /// - Parameter index: the element's place among all of them.
    func failure(at index: Int, _ reason: String) -> InferenceFailure {
        let (row, column) = index.quotientAndRemainder(dividingBy: columns)
        return failure(columns == 1 ? "row \(row) \(reason)" : "row \(row), column \(column) \(reason)")
    }

    /// - Parameter found: the number of elements that there are.
    func checkCount(_ found: Int) throws(InferenceFailure) {
        guard found == count else {
            throw failure("\(found) \(found == 1 ? "element" : "elements") where its shape says \(count)")
        }
    }
}
