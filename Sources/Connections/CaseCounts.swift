import Ground

// Every call is counted in another module: what is inlinable here costs it no generic code. The types are usable from inline code,
// too: of one that is only `package` the compiler inlines nothing.

/// Counts of how often each case of a kind has come up, zero at first.
@usableFromInline package struct CaseCounts<Kind: CountedKind>: Sendable, Equatable {
    /// In the order of `Kind.allCases`.
    @usableFromInline var counts = [Int](repeating: 0, count: Kind.allCases.count)

    @inlinable package init() {}

    /// The count of one case.
    @inlinable package subscript(kind: Kind) -> Int {
        get { counts[kind.place] }
        _modify { yield &counts[kind.place] }
    }

    /// Counts one more. Unlike the subscript's coroutine, this is inlined in other modules.
    @inlinable @inline(__always) package mutating func count(_ kind: Kind) { counts[kind.place] += 1 }

    /// The sum of all counts.
    package var total: Int { counts.reduce(0, +) }

    /// Adds the counts case by case.
    package static func += (left: inout Self, right: Self) {
        for index in left.counts.indices { left.counts[index] += right.counts[index] }
    }
}

/// A kind whose cases are counted.
@usableFromInline package protocol CountedKind: CaseIterable, Hashable, Sendable
where AllCases: RandomAccessCollection {
    /// The place of the case in `allCases`, from 0.
    var place: Int { get }
}

extension CountedKind {
    package var place: Int {
        guard let index = Self.allCases.firstIndex(of: self) else { preconditionFailure("every case is among all") }
        return Self.allCases.distance(from: Self.allCases.startIndex, to: index)
    }
}

extension AbuseRule: CountedKind {}
extension Limit: CountedKind {}
