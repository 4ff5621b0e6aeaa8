/// Training rows in a tree of boxes, most of which a search doesn't have to look into. It pays if rows have few
/// features.
///
/// A search finds what comparing with every row would find: the nearest corner of a box is never farther away than any
/// row inside, rounding included, since the same sums are made with differences that are smaller.
///
/// Source: J. L. Bentley, "Multidimensional binary search trees used for associative searching", 1975.
struct NeighborTree: Sendable {
    /// A box with its rows. The first half follows in the list of boxes.
    private struct Box: Sendable {
        var rows: Range<Int>
        /// The second half; nil if the box is not divided.
        var second: Int?
    }

    private let width: Int
    /// The rows, those of a box side by side.
    private let rows: TrainingRows
    /// Where each of them is in the training data.
    private let places: [Int]
    private let boxes: [Box]
    /// The least and the largest number of each feature in each box: `2 * width` numbers for a box.
    private let bounds: [Double]

    /// - Returns: nil if it wouldn't pay.
    init?(_ matrix: Matrix, metric: Metric) {
        guard metric != .cosine, (1...Self.mostFeatures).contains(matrix.columns), matrix.rows > 4 * Self.leafSize
        else { return nil }
        var builder = Builder(matrix)
        builder.divide(0..<matrix.rows)
        (width, places, boxes, bounds) = (matrix.columns, builder.places, builder.boxes, builder.bounds)
        var sorted: [Double] = []
        sorted.reserveCapacity(matrix.values.count)
        for place in places { sorted += matrix.row(place) }
        rows = TrainingRows(Matrix(rows: matrix.rows, columns: matrix.columns, values: sorted), metric: metric)
    }

    private static let mostFeatures = 8
    /// The number of rows in a box that isn't divided any more: a multiple of 4, since so many distances are computed
    /// at once.
    private static let leafSize = 16

    /// Offers every row that may be near.
    ///
    /// - Parameter row: as many numbers as a training row has.
    func search(_ row: UnsafeBufferPointer<Double>, _ found: inout NearestRows) {
        precondition(row.count == width)
        unsafe visit(0, row, &found)
    }

    private func visit(_ index: Int, _ row: UnsafeBufferPointer<Double>, _ found: inout NearestRows) {
        let box = boxes[index]
        guard let second = box.second else {
            for start in stride(from: box.rows.lowerBound, to: box.rows.upperBound, by: 4) {
                let four = unsafe rows.reducedDistances(row, group: start / 4)
                for lane in 0..<min(4, box.rows.upperBound - start) {
                    found.offer(places[start + lane], reducedDistance: four[lane])
                }
            }
            return
        }
        let first = index + 1
        let distances = unsafe (distance(row, first), distance(row, second))
        // The nearer half first: what is found there spares the other.
        let isFirstNearer = distances.0 <= distances.1
        if !((isFirstNearer ? distances.0 : distances.1) > found.reach) {
            unsafe visit(isFirstNearer ? first : second, row, &found)
        }
        if !((isFirstNearer ? distances.1 : distances.0) > found.reach) {
            unsafe visit(isFirstNearer ? second : first, row, &found)
        }
    }

    /// The reduced distance of a row from the nearest corner or side of a box.
    private func distance(_ row: UnsafeBufferPointer<Double>, _ box: Int) -> Double {
        var sum = 0.0
        let start = box * 2 * width
        for index in 0..<width {
            let number = unsafe row[index]
            let gap = max(bounds[start + index] - number, number - bounds[start + width + index], 0)
            sum = rows.metric.add(gap, to: sum)
        }
        return sum
    }

    /// Divides rows in halves, along the feature in which they differ most.
    private struct Builder {
        let matrix: Matrix
        var places: [Int]
        var boxes: [Box] = []
        var bounds: [Double] = []

        init(_ matrix: Matrix) {
            self.matrix = matrix
            places = Array(0..<matrix.rows)
        }

        /// The halves differ by less than two leaves, so boxes lie in one another as deep as the logarithm of their
        /// number.
        mutating func divide(_ range: Range<Int>) {
            let index = boxes.count
            boxes.append(Box(rows: range, second: nil))
            let axis = addBounds(of: range)
            let leaves = (range.count + NeighborTree.leafSize - 1) / NeighborTree.leafSize
            guard leaves > 1 else { return }
            let (matrix, width) = (matrix, matrix.columns)
            var keys = places[range].map { (number: matrix.values[$0 * width + axis], place: $0) }
            keys.sort { $0.number < $1.number }
            for (offset, key) in keys.enumerated() { places[range.lowerBound + offset] = key.place }
            keys = []
            // Every leaf but the last one is full.
            let middle = range.lowerBound + leaves / 2 * NeighborTree.leafSize
            divide(range.lowerBound..<middle)
            boxes[index].second = boxes.count
            divide(middle..<range.upperBound)
        }

        /// Adds the bounds of a box, and returns the feature in which it is longest.
        private mutating func addBounds(of range: Range<Int>) -> Int {
            let width = matrix.columns
            var low = Array(matrix.row(places[range.lowerBound]))
            var high = low
            for place in places[range] {
                for column in 0..<width {
                    let number = matrix.values[place * width + column]
                    if number < low[column] { low[column] = number }
                    if number > high[column] { high[column] = number }
                }
            }
            bounds += low
            bounds += high
            var longest = 0
            for column in 0..<width where high[column] - low[column] > high[longest] - low[longest] { longest = column }
            return longest
        }
    }
}
