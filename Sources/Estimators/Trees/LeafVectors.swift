/// The numbers of the leaves of trees that have several each: one for each class, or for each target.
struct LeafVectors: Sendable {
    /// All of a leaf's numbers, one leaf after the other; of sparse vectors only the numbers that aren't 0.
    private let numbers: [Double]
    /// Of sparse vectors the column of each number; else empty.
    private let columns: [UInt32]
    /// Of sparse vectors where each leaf's numbers begin, and behind them where the last one's end; else empty.
    private let starts: [UInt32]

    /// The length of a vector; at least 1.
    let width: Int

    /// What the vectors are read through, while they are kept alive.
    @unsafe struct View {
        fileprivate let numbers: UnsafePointer<Double>
        fileprivate let columns: UnsafePointer<UInt32>
        fileprivate let starts: UnsafePointer<UInt32>
        fileprivate let isSparse: Bool
        fileprivate let width: Int

        /// Adds a leaf's vector to `width` sums that have never been -0, which is why zeros may be left out.
        ///
        /// The leaf is one of those that the builder gave an index, so all its numbers are there.
        @inline(__always)
        func add(_ leaf: UInt32, to sums: UnsafeMutablePointer<Double>) {
            if unsafe isSparse {
                let (first, last) = unsafe (Int(starts[Int(leaf)]), Int(starts[Int(leaf) + 1]))
                for place in first..<last { unsafe sums[Int(columns[place])] += numbers[place] }
            } else {
                let vector = unsafe numbers + Int(leaf) * width
                for column in unsafe 0..<width { unsafe sums[column] += vector[column] }
            }
        }
    }

    @inline(__always)
    func withView<Result>(_ body: (View) -> Result) -> Result {
        unsafe numbers.withUnsafeBufferPointer { numbers in
            unsafe columns.withUnsafeBufferPointer { columns in
                unsafe starts.withUnsafeBufferPointer { starts in
                    // Swift gives empty arrays an address too; nothing is read through it.
                    unsafe body(
                        View(
                            numbers: numbers.baseAddress!, columns: columns.baseAddress!, starts: starts.baseAddress!,
                            isSparse: !starts.isEmpty, width: width))
                }
            }
        }
    }

    /// Collects vectors. Those with a single number that isn't 0, which a fully grown classifier has everywhere, are kept
    /// once.
    struct Builder {
        private struct Single: Hashable {
            let column: UInt32
            let bits: UInt64
        }

        private let width: Int
        private var starts: [UInt32] = [0]
        private var columns: [UInt32] = []
        private var numbers: [Double] = []
        private var singles: [Single: UInt32] = [:]

        init(width: Int) {
            self.width = width
        }

        /// The index of the vector, whether it is new or not. Vectors are so few that their numbers' indices fit into 32
        /// bits.
        mutating func index(of vector: some Collection<Double>) -> UInt32 {
            var last: Single?
            let before = columns.count
            for (column, number) in vector.enumerated() where number != 0 {
                columns.append(UInt32(truncatingIfNeeded: column))
                numbers.append(number)
                last = Single(column: UInt32(truncatingIfNeeded: column), bits: number.bitPattern)
            }
            let index = UInt32(truncatingIfNeeded: starts.count - 1)
            if columns.count == before + 1, let last {
                if let known = singles[last] {
                    columns.removeLast()
                    numbers.removeLast()
                    return known
                }
                singles[last] = index
            }
            starts.append(UInt32(truncatingIfNeeded: columns.count))
            return index
        }

        func finish() -> LeafVectors {
            let count = starts.count - 1
            if width > 16, 4 * columns.count < width * count {
                return LeafVectors(numbers: numbers, columns: columns, starts: starts, width: width)
            }
            var dense = [Double](repeating: 0, count: count * width)
            for leaf in 0..<count {
                for place in Int(starts[leaf])..<Int(starts[leaf + 1]) {
                    dense[leaf * width + Int(columns[place])] = numbers[place]
                }
            }
            return LeafVectors(numbers: dense, columns: [], starts: [], width: width)
        }
    }
}
