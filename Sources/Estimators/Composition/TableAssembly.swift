/// A table that is put together from the outputs of transformers side by side.
struct TableAssembly {
    private var numbers: Matrix
    /// The columns of text among the outputs, by place.
    private var texts: [Int: [String?]] = [:]

    init(rows: Int, columns: Int) {
        numbers = Matrix(rows: rows, columns: columns)
    }

    /// Puts a branch's outputs into their places.
    ///
    /// - Throws: `FeatureError` if text is to be multiplied.
    mutating func add(_ table: Table, _ branch: TransformerBranch) throws(FeatureError) {
        switch table.content {
        case .matrix(var matrix):
            if let weight = branch.weight { matrix.replaceAll { value, _ in value * weight } }
            // What one branch makes alone is the whole.
            if matrix.columns == numbers.columns {
                numbers = matrix
            } else {
                numbers.replaceColumns(from: branch.start, with: matrix)
            }
        case .columns(let columns):
            for (index, column) in columns.enumerated() {
                switch column.values {
                case .numbers(var numbers):
                    if let weight = branch.weight { for row in numbers.indices { numbers[row] *= weight } }
                    self.numbers.replaceColumn(branch.start + index, with: numbers)
                case .texts(let texts):
                    if branch.weight != nil { throw .row(0, .text(Feature(index: index, name: column.name))) }
                    self.texts[branch.start + index] = texts
                }
            }
        }
    }

    var table: Table {
        if texts.isEmpty { return Table(numbers) }
        return Table(
            columns: (0..<numbers.columns).map { place in
                Column(name: nil, values: texts[place].map { .texts($0) } ?? .numbers(numbers.column(place)))
            })
    }
}
