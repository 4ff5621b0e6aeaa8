import Ground

/// How many calls have ended, by method and status.
package struct CallCounts: Sendable, Equatable {
    private static let statuses = GRPCStatus.allCases.count
    /// For each method, and last for calls of none, a count for each status.
    private var counts: [Int]

    /// - Parameter methods: their number.
    package init(methods: Int) {
        counts = [Int](repeating: 0, count: (methods + 1) * Self.statuses)
    }

    /// Counts a call.
    ///
    /// - Parameter method: its place in the table; `nil` for a call of no method.
    package mutating func add(_ method: Int?, _ status: GRPCStatus) {
        let place = method ?? counts.count / Self.statuses - 1
        counts[place * Self.statuses + status.rawValue] += 1
    }

    /// The count of a method's calls with a status.
    package subscript(method: Int?, status: GRPCStatus) -> Int {
        counts[(method ?? counts.count / Self.statuses - 1) * Self.statuses + status.rawValue]
    }

    package static func += (left: inout CallCounts, right: CallCounts) {
        for index in left.counts.indices { left.counts[index] += right.counts[index] }
    }
}
