import Estimators

/// Rows of features, stored one after the other.
package struct Instances: Sendable, Equatable {
    /// The number of features in a row.
    package let width: Int

    private let features: [Double]

    /// The number of rows.
    package var count: Int { features.count / width }

    /// - Parameter features: A whole number of rows of `width` features, which is at least 1.
    init(features: [Double], width: Int) {
        precondition(features.count.isMultiple(of: width))
        self.features = features
        self.width = width
    }

    /// The rows as a model takes them.
    package var table: Table { Table(Matrix(rows: count, columns: width, values: features)) }
}
