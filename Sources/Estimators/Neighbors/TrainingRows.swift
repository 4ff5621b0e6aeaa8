import Glibc

/// Rows that others are held against.
struct TrainingRows: Sendable {
    let count: Int
    let metric: Metric

    private let width: Int
    /// The first numbers of four rows side by side, then their second ones and so on; then the same of the next four
    /// rows. The last group is filled up with zeros. So four distances are computed at once, each of them summed up
    /// number by number as the library's trees do it.
    private let groups: [SIMD4<Double>]

    /// - Precondition: the rows have a number.
    init(_ matrix: Matrix, metric: Metric) {
        precondition(matrix.columns > 0)
        (count, width, self.metric) = (matrix.rows, matrix.columns, metric)
        var groups = [SIMD4<Double>](repeating: .zero, count: (count + 3) / 4 * width)
        for row in 0..<count {
            let scale = metric == .cosine ? Self.length(matrix.row(row)) : 1
            for column in 0..<width { groups[row / 4 * width + column][row % 4] = matrix[row, column] / scale }
        }
        self.groups = groups
    }

    /// The length of a row, by which the cosine divides; 1 for a row of zeros, which it leaves as it is.
    private static func length(_ row: ArraySlice<Double>) -> Double {
        let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return length == 0 ? 1 : length
    }

    /// The number of places that the distances of one row take.
    var stride: Int { (count + 3) / 4 * 4 }

    /// Writes the reduced distances of some rows from all of these.
    ///
    /// - Parameters:
    ///   - rows: the numbers of whole rows.
    ///   - distances: `stride` places for each of the rows, of which the first `count` are meaningful.
    func write(_ rows: ArraySlice<Double>, into distances: UnsafeMutableBufferPointer<Double>) {
        let rowCount = rows.count / width
        precondition(distances.count >= rowCount * stride)
        var scaled = Array(rows)
        if metric == .cosine {
            for row in 0..<rowCount {
                let length = Self.length(scaled[row * width..<(row + 1) * width])
                for place in row * width..<(row + 1) * width { scaled[place] /= length }
            }
        }
        unsafe scaled.withUnsafeBufferPointer { rows in
            unsafe groups.withUnsafeBufferPointer { groups in
                // Bounds were checked above; empty buffers have nothing to be looked at.
                guard let rows = rows.baseAddress, let groups = groups.baseAddress else { return }
                let groupCount = stride / 4
                // As many groups as the first cache holds are held against each of the rows in turn.
                let blockLength = max(1, Self.blockSize / (width * MemoryLayout<SIMD4<Double>>.stride))
                for start in Swift.stride(from: 0, to: groupCount, by: blockLength) {
                    for row in 0..<rowCount {
                        for group in start..<min(start + blockLength, groupCount) {
                            let four = unsafe reducedDistances(rows + row * width, groups + group * width)
                            let place = row * stride + group * 4
                            for lane in 0..<4 { unsafe distances[place + lane] = four[lane] }
                        }
                    }
                }
            }
        }
    }

    /// A row's reduced distances from four of these.
    ///
    /// - Parameters:
    ///   - row: as many numbers as these rows have, scaled if the metric is the cosine.
    ///   - group: the number of the four rows, counted in fours.
    @inline(__always)
    func reducedDistances(_ row: UnsafeBufferPointer<Double>, group: Int) -> SIMD4<Double> {
        precondition(row.count == width && (0..<stride / 4).contains(group))
        // Both pointers are there, since rows have numbers, and what is read lies inside as just checked.
        return unsafe groups.withUnsafeBufferPointer { groups in
            unsafe reducedDistances(row.baseAddress!, groups.baseAddress! + group * width)
        }
    }

    /// In bytes.
    private static let blockSize = 24 << 10

    @inline(__always)
    private func reducedDistances(
        _ row: UnsafePointer<Double>, _ group: UnsafePointer<SIMD4<Double>>
    ) -> SIMD4<Double> {
        var sum = SIMD4<Double>.zero
        switch metric {
        case .euclidean:
            for index in 0..<width {
                let difference = unsafe SIMD4(repeating: row[index]) - group[index]
                sum += difference * difference
            }
        case .manhattan:
            for index in 0..<width {
                let difference = unsafe SIMD4(repeating: row[index]) - group[index]
                sum += difference.replacing(with: -difference, where: difference .< 0)
            }
        case .chebyshev:
            for index in 0..<width {
                let difference = unsafe SIMD4(repeating: row[index]) - group[index]
                let size = difference.replacing(with: -difference, where: difference .< 0)
                sum.replace(with: size, where: size .> sum)
            }
        case .minkowski(let exponent):
            for index in 0..<width {
                let difference = unsafe SIMD4(repeating: row[index]) - group[index]
                for lane in 0..<4 { sum[lane] += pow(abs(difference[lane]), exponent) }
            }
        case .cosine:
            for index in 0..<width { unsafe sum += group[index] * row[index] }
            sum = (1 - sum).clamped(lowerBound: .zero, upperBound: SIMD4(repeating: 2))
        }
        return sum
    }

    /// A measure of the time that one row takes, in nanoseconds.
    var nanosecondsPerRow: Int { Int(Double(count) * (Double(width) * metric.nanoseconds + 1)) }
}
