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

    /// Whether there is neither NaN nor infinity.
    var isFinite: Bool {
        // Without a branch for each number, several are looked at in one step.
        let exponent: UInt64 = 0x7FF0_0000_0000_0000
        var found: UInt64 = 0
        for value in values { found |= value.bitPattern & exponent == exponent ? 1 : 0 }
        return found == 0
    }

    /// Replaces each number by what `change` makes of it and the place of its column.
    @inline(__always)
    mutating func replaceAll(_ change: (_ value: Double, _ column: Int) -> Double) {
        let columns = columns
        unsafe values.withUnsafeMutableBufferPointer { values in
            var column = 0
            for place in values.indices {
                // A place among the values' own indices.
                unsafe values[place] = change(values[place], column)
                column += 1
                if column == columns { column = 0 }
            }
        }
    }

    /// A matrix with some of the columns, in the order given.
    func choosing(_ places: [Int]) -> Matrix {
        precondition(places.allSatisfy { (0..<columns).contains($0) })
        var chosen = Matrix(rows: rows, columns: places.count)
        var target = 0
        for start in stride(from: 0, to: rows * columns, by: max(columns, 1)) {
            for place in places {
                chosen.values[target] = values[start + place]
                target += 1
            }
        }
        return chosen
    }

    /// Overwrites columns from `start` on with another matrix of as many rows.
    mutating func replaceColumns(from start: Int, with other: Matrix) {
        var source = 0
        for row in 0..<rows {
            let target = row * columns + start
            for column in 0..<other.columns {
                values[target + column] = other.values[source]
                source += 1
            }
        }
    }

    /// Overwrites one column.
    mutating func replaceColumn(_ column: Int, with numbers: [Double]) {
        var place = column
        for number in numbers {
            values[place] = number
            place += columns
        }
    }

    /// One column's numbers.
    func column(_ column: Int) -> [Double] { (0..<rows).map { self[$0, column] } }
}
