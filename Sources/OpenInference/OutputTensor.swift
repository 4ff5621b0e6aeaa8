import Estimators

/// An output and its elements.
struct OutputTensor: Sendable {
    /// The elements, row by row.
    enum Values: Sendable, Equatable {
        case integers([Int64])
        case doubles([Double])
        case booleans([Bool])
        case texts([String])
    }

    let request: RequestedOutput
    /// A list of one number a row has one column, as MLServer shapes it.
    let rows: Int
    let columns: Int
    let values: Values

    init(_ request: RequestedOutput, rows: Int, columns: Int, values: Values) {
        self.request = request
        self.rows = rows
        self.columns = columns
        self.values = values
    }

    init(_ request: RequestedOutput, _ matrix: Matrix) {
        self.init(request, rows: matrix.rows, columns: matrix.columns, values: .doubles(matrix.values))
    }

    var name: String { request.kind.rawValue }

    var datatype: Datatype {
        switch values {
        case .integers: .int64
        case .doubles: .fp64
        case .booleans: .bool
        case .texts: .bytes
        }
    }
}

extension OutputTensor {
    /// Calls a function with the elements as bytes: little-endian, without gaps; before each text its length in four bytes.
    ///
    /// - Parameter body: The bytes live no longer than its call.
    func withRawContents<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        switch values {
        case .integers(let integers):
            return unsafe integers.map(\.littleEndian).withUnsafeBytes(body)
        case .doubles(let doubles):
            #if _endian(little)
                return unsafe doubles.withUnsafeBytes(body)
            #else
                return unsafe doubles.map(\.bitPattern.littleEndian).withUnsafeBytes(body)
            #endif
        case .booleans(let booleans):
            return unsafe booleans.map { $0 ? 1 as UInt8 : 0 }.withUnsafeBytes(body)
        case .texts(let texts):
            var bytes: [UInt8] = []
            bytes.reserveCapacity(texts.reduce(0) { $0 + 4 + $1.utf8.count })
            for text in texts {
                let count = UInt32(text.utf8.count)
                for place in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: count >> UInt32(8 * place))) }
                bytes.append(contentsOf: text.utf8)
            }
            return unsafe bytes.withUnsafeBytes(body)
        }
    }
}
