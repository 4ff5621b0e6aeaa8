extension Table {
    /// Columns without names; a matrix if all are numbers.
    ///
    /// - Precondition: there is a column, and each has `rows` values.
    init(values: [Column.Values], rows: Int) {
        var matrix = Matrix(rows: rows, columns: values.count)
        for (index, column) in values.enumerated() {
            guard case .numbers(let numbers) = column else {
                self.init(columns: values.map { Column(name: nil, values: $0) })
                return
            }
            matrix.replaceColumn(index, with: numbers)
        }
        self.init(matrix)
    }
}
