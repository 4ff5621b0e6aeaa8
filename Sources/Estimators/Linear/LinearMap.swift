/// A linear map with constants: a few weighted sums of a row's numbers, each with a constant added.
///
/// Every sum is taken in the same order whatever the number of rows, so a row has the same result alone and among
/// others. (The library leaves the order to its BLAS, where it changes with the machine and with the number of rows.)
struct LinearMap: Sendable {
    /// The length of a row.
    let inputCount: Int
    /// The number of sums.
    let outputCount: Int

    private let weights: Weights
    /// In fours, too.
    private let constants: [SIMD4<Double>]

    private enum Weights: Sendable {
        /// The weights of a single sum.
        case single([Double])
        /// The weights of four sums side by side, for each number of the row; then those of the next four, and so on.
        /// The last group is filled up with zeros.
        case groups([SIMD4<Double>])
    }

    /// - Parameters:
    ///   - weights: `outputCount` rows of `inputCount` weights; if `isTransposed`, `inputCount` rows of `outputCount`.
    ///   - constants: one for each sum.
    /// - Precondition: there are as many weights as that, and at least one input and one output.
    init(weights: [Double], inputCount: Int, constants: [Double], isTransposed: Bool = false) {
        outputCount = constants.count
        precondition(inputCount > 0 && outputCount > 0 && weights.count == inputCount * outputCount)
        self.inputCount = inputCount
        self.constants = stride(from: 0, to: outputCount, by: 4).map { start in
            var four = SIMD4<Double>.zero
            for place in start..<min(start + 4, constants.count) { four[place - start] = constants[place] }
            return four
        }
        if outputCount == 1 {
            self.weights = .single(weights)
            return
        }
        let groupCount = (outputCount + 3) / 4
        var groups = [SIMD4<Double>](repeating: .zero, count: groupCount * inputCount)
        for output in 0..<outputCount {
            for input in 0..<inputCount {
                groups[output / 4 * inputCount + input][output % 4] =
                    isTransposed ? weights[input * outputCount + output] : weights[output * inputCount + input]
            }
        }
        self.weights = .groups(groups)
    }

    /// The number of weights.
    var weightCount: Int { inputCount * outputCount }

    /// The sums of each row.
    func callAsFunction(_ matrix: Matrix) -> Matrix {
        let values = unsafe [Double](unsafeUninitializedCapacity: matrix.rows * outputCount) { values, count in
            unsafe matrix.values.withUnsafeBufferPointer { rows in
                unsafe write(rows, into: values, stride: outputCount)
            }
            count = matrix.rows * outputCount
        }
        return Matrix(rows: matrix.rows, columns: outputCount, values: values)
    }

    /// Writes the sums of each row.
    ///
    /// - Parameters:
    ///   - rows: rows of `inputCount` numbers.
    ///   - results: room for `stride` numbers for each row, of which the first `outputCount` are written.
    func write(
        _ rows: UnsafeBufferPointer<Double>, into results: UnsafeMutableBufferPointer<Double>, stride: Int
    ) {
        let rowCount = rows.count / inputCount
        precondition(stride >= outputCount && results.count >= rowCount * stride)
        // The pointers are used inside the bounds that have just been checked. Empty buffers may have none.
        guard let first = rows.baseAddress, let result = results.baseAddress else { return }
        switch weights {
        case .single(let weights):
            unsafe weights.withUnsafeBufferPointer { weights in
                for row in 0..<rowCount {
                    unsafe result[row * stride] =
                        Self.product(weights.baseAddress!, first + row * inputCount, inputCount) + constants[0][0]
                }
            }
        case .groups(let groups):
            unsafe groups.withUnsafeBufferPointer { groups in
                unsafe write(first, rowCount, groups.baseAddress!, result, stride)
            }
        }
    }

    /// Four rows and four sums at a time, so that each number loaded is used four times; what is left of the rows one
    /// by one.
    private func write(
        _ rows: UnsafePointer<Double>, _ rowCount: Int, _ groups: UnsafePointer<SIMD4<Double>>,
        _ results: UnsafeMutablePointer<Double>, _ stride: Int
    ) {
        var row = 0
        while row + 4 <= rowCount {
            let x0 = unsafe rows + row * inputCount
            let (x1, x2, x3) = unsafe (x0 + inputCount, x0 + 2 * inputCount, x0 + 3 * inputCount)
            for start in Swift.stride(from: 0, to: outputCount, by: 4) {
                let group = unsafe groups + start / 4 * inputCount
                var (sum0, sum1, sum2, sum3) = (
                    SIMD4<Double>.zero, SIMD4<Double>.zero, SIMD4<Double>.zero, SIMD4<Double>.zero
                )
                for input in 0..<inputCount {
                    let weights = unsafe group[input]
                    unsafe sum0 += weights * x0[input]
                    unsafe sum1 += weights * x1[input]
                    unsafe sum2 += weights * x2[input]
                    unsafe sum3 += weights * x3[input]
                }
                let result = unsafe results + row * stride + start
                unsafe store(sum0, start, result)
                unsafe store(sum1, start, result + stride)
                unsafe store(sum2, start, result + 2 * stride)
                unsafe store(sum3, start, result + 3 * stride)
            }
            row += 4
        }
        while row < rowCount {
            unsafe writeOne(rows + row * inputCount, groups, results + row * stride)
            row += 1
        }
    }

    /// One row: sixteen sums at a time, which hides how long an addition takes.
    private func writeOne(
        _ row: UnsafePointer<Double>, _ groups: UnsafePointer<SIMD4<Double>>, _ result: UnsafeMutablePointer<Double>
    ) {
        var start = 0
        while start + 16 <= outputCount {
            let g0 = unsafe groups + start / 4 * inputCount
            let (g1, g2, g3) = unsafe (g0 + inputCount, g0 + 2 * inputCount, g0 + 3 * inputCount)
            var (sum0, sum1, sum2, sum3) = (
                SIMD4<Double>.zero, SIMD4<Double>.zero, SIMD4<Double>.zero, SIMD4<Double>.zero
            )
            for input in 0..<inputCount {
                let number = unsafe row[input]
                unsafe sum0 += g0[input] * number
                unsafe sum1 += g1[input] * number
                unsafe sum2 += g2[input] * number
                unsafe sum3 += g3[input] * number
            }
            unsafe store(sum0, start, result + start)
            unsafe store(sum1, start + 4, result + start + 4)
            unsafe store(sum2, start + 8, result + start + 8)
            unsafe store(sum3, start + 12, result + start + 12)
            start += 16
        }
        while start < outputCount {
            let group = unsafe groups + start / 4 * inputCount
            var sum = SIMD4<Double>.zero
            for input in 0..<inputCount { unsafe sum += group[input] * row[input] }
            unsafe store(sum, start, result + start)
            start += 4
        }
    }

    /// Writes four sums with their constants, or as many of them as there are.
    @inline(__always)
    private func store(_ sums: SIMD4<Double>, _ start: Int, _ result: UnsafeMutablePointer<Double>) {
        let four = sums + constants[start / 4]
        let count = outputCount - start
        if count >= 4 {
            unsafe UnsafeMutableRawPointer(result).storeBytes(of: four, as: SIMD4<Double>.self)
        } else {
            for place in 0..<count { unsafe result[place] = four[place] }
        }
    }

    /// The scalar product of two vectors.
    @inline(__always)
    static func product(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int) -> Double {
        var (sum, other) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
        var place = 0
        while place + 8 <= count {
            unsafe sum += load(a + place) * load(b + place)
            unsafe other += load(a + place + 4) * load(b + place + 4)
            place += 8
        }
        sum += other
        var total = (sum[0] + sum[1]) + (sum[2] + sum[3])
        while place < count {
            unsafe total += a[place] * b[place]
            place += 1
        }
        return total
    }

    /// Four numbers, wherever they lie.
    @inline(__always)
    static func load(_ place: UnsafePointer<Double>) -> SIMD4<Double> {
        unsafe UnsafeRawPointer(place).loadUnaligned(as: SIMD4<Double>.self)
    }
}
