/// Counts of how often each case of a kind has come up, zero at first.
package struct CaseCounts<Kind: CaseIterable & Hashable & Sendable>: Sendable, Equatable
where Kind.AllCases: RandomAccessCollection {
    /// In the order of `Kind.allCases`.
    private var counts = [Int](repeating: 0, count: Kind.allCases.count)

    package init() {}

    /// The count of one case.
    package subscript(kind: Kind) -> Int {
        get { counts[Self.index(of: kind)] }
        _modify { yield &counts[Self.index(of: kind)] }
    }

    /// The sum of all counts.
    package var total: Int { counts.reduce(0, +) }

    package static func += (left: inout Self, right: Self) {
        for index in left.counts.indices { left.counts[index] += right.counts[index] }
    }

    private static func index(of kind: Kind) -> Int {
        guard let index = Kind.allCases.firstIndex(of: kind) else { preconditionFailure("every case is among all") }
        return Kind.allCases.distance(from: Kind.allCases.startIndex, to: index)
    }
}
