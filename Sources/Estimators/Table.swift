/// What a model or one of its steps is given: rows of features.
package struct Table: Sendable, Equatable {
    package enum Content: Sendable, Equatable {
        /// Numbers alone; features are known by their places.
        case matrix(Matrix)
        /// Columns of the same length, of numbers or text.
        case columns([Column])
    }

    package let rows: Int
    package let content: Content

    package init(_ matrix: Matrix) {
        rows = matrix.rows
        content = .matrix(matrix)
    }

    /// - Precondition: there is a column, and all have the same length.
    package init(columns: [Column]) {
        rows = columns[0].count
        precondition(columns.allSatisfy { [rows] in $0.count == rows })
        content = .columns(columns)
    }

    /// A single row of numbers.
    package init(row: [Double]) {
        self.init(Matrix(rows: 1, columns: row.count, values: row))
    }

    /// The number of features.
    package var width: Int {
        switch content {
        case .matrix(let matrix): matrix.columns
        case .columns(let columns): columns.count
        }
    }

    /// The numbers that an estimator takes: as many features as it was fitted with, in its order, checked.
    ///
    /// Columns with names are found by name if the estimator knows its features' names; everything else goes by place.
    ///
    /// - Throws: `FeatureError` for another number of features, a missing column, text, or a value that the estimator
    ///   doesn't take.
    func matrix(for features: Features) throws(FeatureError) -> Matrix {
        let matrix: Matrix
        switch content {
        case .matrix(let given):
            guard given.columns == features.count else {
                throw .row(0, .count(found: given.columns, expected: features.count))
            }
            matrix = given
        case .columns:
            matrix = try Self.matrix(of: try columns(for: features))
        }
        try features.check(matrix)
        return matrix
    }

    /// The columns that an estimator takes, in its order, with whatever they hold.
    ///
    /// - Throws: `FeatureError` for another number of features or a missing column.
    func columns(for features: Features) throws(FeatureError) -> [Column] {
        switch content {
        case .matrix(let matrix):
            guard matrix.columns == features.count else {
                throw .row(0, .count(found: matrix.columns, expected: features.count))
            }
            return (0..<matrix.columns).map { index in
                Column(name: features.names?[index], values: .numbers(matrix.column(index)))
            }
        case .columns(let columns):
            guard let names = features.names, columns.allSatisfy({ $0.name != nil }) else {
                guard columns.count == features.count else {
                    throw .row(0, .count(found: columns.count, expected: features.count))
                }
                return columns
            }
            if columns.count == names.count, zip(columns, names).allSatisfy({ $0.name == $1 }) { return columns }
            var finder = ColumnFinder(columns)
            var chosen: [Column] = []
            chosen.reserveCapacity(names.count)
            for (index, name) in names.enumerated() {
                if let place = finder.place(of: name, near: index) {
                    chosen.append(columns[place])
                } else if features.optional.contains(index) {
                    chosen.append(Column(name: name, values: .numbers([Double](repeating: .nan, count: rows))))
                } else {
                    throw .missingColumn(name)
                }
            }
            return chosen
        }
    }

    /// - Throws: `FeatureError` for text.
    private static func matrix(of columns: [Column]) throws(FeatureError) -> Matrix {
        var matrix = Matrix(rows: columns[0].count, columns: columns.count)
        for (index, column) in columns.enumerated() {
            guard case .numbers(let numbers) = column.values else {
                throw .row(0, .text(Feature(index: index, name: column.name)))
            }
            matrix.replaceColumn(index, with: numbers)
        }
        return matrix
    }
}
