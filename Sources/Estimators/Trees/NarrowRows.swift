/// Rows for trees that were fitted to numbers of 32 bits: scikit-learn rounds each feature, and compares it with
/// thresholds of 64 bits.
struct NarrowRows {
    private let matrix: Matrix
    private let features: Features

    /// - Throws: `FeatureError` for what `features` don't allow.
    init(_ table: Table, for features: Features) throws(FeatureError) {
        matrix = try table.matrix(for: features)
        self.features = features
    }

    var count: Int { matrix.rows }

    /// The number of rows that are rounded at once: their features, and the trees that they pass, stay in the caches.
    static let blockSize = 128

    /// Rounds the rows, block by block.
    ///
    /// - Parameter body: is called with the index of the block's first row, its number of rows, and the rows.
    /// - Throws: `FeatureError` for a number that is too large for 32 bits.
    @inline(__always)
    func forEachBlock(
        _ body: (_ first: Int, _ count: Int, _ rows: UnsafePointer<Double>) -> Void
    ) throws(FeatureError) {
        let width = matrix.columns
        var flaw: FeatureError?
        unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: min(count, Self.blockSize) * width) { block in
            unsafe matrix.values.withUnsafeBufferPointer { values in
                // There is a row, and it has a feature.
                guard let block = block.baseAddress else { return }
                for first in stride(from: 0, to: count, by: Self.blockSize) {
                    let rows = min(count - first, Self.blockSize)
                    for index in 0..<rows * width {
                        let value = unsafe values[first * width + index]
                        let rounded = Double(Float(value))
                        if rounded.isInfinite, features.unusual != .any {
                            flaw = tooLarge(first * width + index)
                            return
                        }
                        unsafe block[index] = rounded
                    }
                    unsafe body(first, rows, UnsafePointer(block))
                }
            }
        }
        if let flaw { throw flaw }
    }

    /// All rows, rounded.
    func rounded() throws(FeatureError) -> Table {
        var rounded: [Double] = []
        rounded.reserveCapacity(matrix.values.count)
        unsafe try forEachBlock { _, count, rows in
            unsafe rounded += UnsafeBufferPointer(start: rows, count: count * matrix.columns)
        }
        return Table(Matrix(rows: matrix.rows, columns: matrix.columns, values: rounded))
    }

    private func tooLarge(_ place: Int) -> FeatureError {
        let (row, index) = place.quotientAndRemainder(dividingBy: matrix.columns)
        return .row(
            row, .tooLarge(Feature(index: index, name: features.names?[index]), value: matrix.values[place]))
    }
}
