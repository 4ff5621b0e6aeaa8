/// Finds columns by name: at once where they come in the expected order, as they nearly always do.
struct ColumnFinder {
    private let columns: [Column]
    /// The places by name, once a column wasn't where it was expected.
    private var places: [String: Int]?

    init(_ columns: [Column]) {
        self.columns = columns
    }

    /// - Parameter expected: the place where the column is looked for first.
    mutating func place(of name: String, near expected: Int) -> Int? {
        if expected < columns.count, columns[expected].name == name { return expected }
        if let places { return places[name] }
        // Hashing every name costs more than comparing a few.
        if columns.count <= Self.few { return columns.firstIndex { $0.name == name } }
        var places: [String: Int] = [:]
        places.reserveCapacity(columns.count)
        for (index, column) in columns.enumerated() { places[column.name ?? ""] = index }
        self.places = places
        return places[name]
    }

    private static let few = 16
}
