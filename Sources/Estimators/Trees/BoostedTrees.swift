/// Trees whose leaves' numbers are added to one score or several, the trees taking turns at the scores.
struct BoostedTrees: Sendable {
    let trees: FlatTrees
    /// The number of scores of a row; at least 1.
    let width: Int

    /// - Parameter trees: leaves have the index of their score as their vector.
    init(_ trees: FlatTrees, width: Int) {
        self.trees = trees
        self.width = width
    }

    var nanosecondsPerRow: Int { trees.nanosecondsPerRow + 30 * width }

    /// Adds the trees' numbers to the scores of rows, tree by tree.
    ///
    /// - Parameters:
    ///   - rows: `count` rows of as many numbers as the trees' features.
    ///   - scores: the rows' scores, of which these are those from `first`.
    @inline(__always)
    func add(_ rows: UnsafePointer<Double>, count: Int, to scores: inout Matrix, from first: Int) {
        unsafe scores.values.withUnsafeMutableBufferPointer { values in
            // There is a row with a score.
            guard let values = values.baseAddress else { return }
            let start = unsafe values + first * width
            unsafe trees.forEachLeaf(of: rows, count: count) { row, _, leaf in
                unsafe start[row * width + Int(leaf.child)] += leaf.number
            }
        }
    }

    /// As ``add(_:count:to:from:)``, with sums that are rounded to 32 bits each time, as XGBoost's are.
    func addNarrow(_ rows: UnsafePointer<Double>, count: Int, to scores: inout Matrix, from first: Int) {
        unsafe scores.values.withUnsafeMutableBufferPointer { values in
            // There is a row with a score.
            guard let values = values.baseAddress else { return }
            let start = unsafe values + first * width
            unsafe trees.forEachLeaf(of: rows, count: count) { row, _, leaf in
                let place = row * width + Int(leaf.child)
                unsafe start[place] = Double(Float(start[place]) + Float(leaf.number))
            }
        }
    }
}

extension Matrix {
    /// The same row again and again.
    init(rows: Int, repeating row: [Double]) {
        var values: [Double] = []
        values.reserveCapacity(rows * row.count)
        for _ in 0..<rows { values += row }
        self.init(rows: rows, columns: row.count, values: values)
    }
}
