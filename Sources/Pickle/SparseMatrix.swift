/// A matrix of which only the numbers that are not zero are stored, as `scipy.sparse` has it: row by row (`csr`) or
/// column by column (`csc`).
package struct SparseMatrix: Sendable, Equatable {
    package let rows: Int
    package let columns: Int

    /// Whether the numbers lie row by row; otherwise column by column.
    package let isByRow: Bool

    /// Where each row's (or column's) numbers begin among all, and where the last one's end: ascending from 0.
    package let starts: [Int]

    /// The column (or row) of each number; one may occur twice, and then the numbers are to be added.
    package let indices: [Int]

    package let values: [Double]

    /// The classes whose instances are read, under the names of all versions of SciPy.
    static let classes: Set<PythonName> = {
        var classes: Set<PythonName> = []
        for format in ["csr", "csc"] {
            for module in ["scipy.sparse.\(format)", "scipy.sparse._\(format)"] {
                classes.insert(PythonName(module: module, name: "\(format)_matrix"))
                classes.insert(PythonName(module: module, name: "\(format)_array"))
            }
        }
        return classes
    }()

    /// Whether instances of a class are read as sparse matrices.
    package static func has(_ name: PythonName) -> Bool { classes.contains(name) }
}

extension PickledDocument {
    /// A sparse matrix of numbers whose parts fit together; nil for anything else.
    package func sparseMatrix(_ value: PickledValue) -> SparseMatrix? {
        guard case .node(let node) = value, case .instance(let name, let attributes?) = self[node],
            SparseMatrix.classes.contains(name), (members(attributes)?.count ?? .max) <= 32,
            let shape = (member("_shape", of: attributes) ?? member("shape", of: attributes)).flatMap(tuple),
            shape.count == 2, case .integer(let rows) = shape[0], case .integer(let columns) = shape[1],
            let starts = integers("indptr", of: attributes), let indices = integers("indices", of: attributes),
            let values = numbers("data", of: attributes), rows >= 0, columns >= 0
        else { return nil }
        let isByRow = name.name.hasPrefix("csr")
        let (lines, width) = isByRow ? (rows, columns) : (columns, rows)
        guard starts.count - 1 == lines, starts.first == 0, starts.last == indices.count,
            indices.count == values.count, indices.allSatisfy({ $0 >= 0 && $0 < width }),
            zip(starts, starts.dropFirst()).allSatisfy({ $0 <= $1 })
        else { return nil }
        return SparseMatrix(
            rows: rows, columns: columns, isByRow: isByRow, starts: starts, indices: indices, values: values)
    }

    /// An attribute that is a one-dimensional array of integers.
    private func integers(_ key: String, of attributes: PickledNode.Identifier) -> [Int]? {
        guard let array = member(key, of: attributes).flatMap(array), array.shape.count == 1,
            case .integers(let integers) = array.elements
        else { return nil }
        return integers
    }

    /// An attribute that is a one-dimensional array of numbers or booleans.
    private func numbers(_ key: String, of attributes: PickledNode.Identifier) -> [Double]? {
        guard let array = member(key, of: attributes).flatMap(array), array.shape.count == 1 else { return nil }
        switch array.elements {
        case .floats(let floats): return floats
        case .integers(let integers): return integers.map(Double.init)
        case .booleans(let booleans): return booleans.map { $0 ? 1 : 0 }
        case .strings, .objects: return nil
        }
    }
}
