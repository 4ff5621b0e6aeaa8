/// Numbers in rows and columns, stored row by row.
package struct Matrix: Sendable, Equatable {
    package let rows: Int
    package let columns: Int

    /// `rows * columns` numbers, row by row.
    package var values: [Double]

    /// - Precondition: there are as many values as places.
    package init(rows: Int, columns: Int, values: [Double]) {
        precondition(values.count == rows * columns)
        self.rows = rows
        self.columns = columns
        self.values = values
    }

    /// A matrix of zeros.
    package init(rows: Int, columns: Int) {
        self.init(rows: rows, columns: columns, values: [Double](repeating: 0, count: rows * columns))
    }

    package subscript(row: Int, column: Int) -> Double {
        get { values[row * columns + column] }
        set { values[row * columns + column] = newValue }
    }

    /// One row's numbers.
    package func row(_ row: Int) -> ArraySlice<Double> { values[row * columns..<(row + 1) * columns] }

    /// One column's numbers.
    func column(_ column: Int) -> [Double] { (0..<rows).map { self[$0, column] } }
}
