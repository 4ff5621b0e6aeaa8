/// Collects those of the training rows that are near another row.
struct NearestRows {
    /// Which rows are near.
    enum Extent: Sendable {
        /// This many rows, at least 1.
        case nearest(Int)
        /// Those whose reduced distance is at most this.
        case radius(reduced: Double)
    }

    /// What has been found: the nearest first, or, within a radius, in the order in which rows were offered.
    private(set) var neighbors: [Neighbor] = []
    /// The reduced distance beyond which no row is wanted any more.
    private(set) var reach = Double.infinity

    private let extent: Extent

    init(_ extent: Extent) {
        self.extent = extent
        reset()
    }

    /// Forgets what was found, for another row.
    mutating func reset() {
        neighbors.removeAll(keepingCapacity: true)
        switch extent {
        case .nearest: reach = .infinity
        case .radius(let reduced): reach = reduced
        }
    }

    /// Takes a row in if it is near.
    @inline(__always)
    mutating func offer(_ index: Int, reducedDistance: Double) {
        // A distance that overflowed is beyond every other, but still one.
        guard !(reducedDistance > reach) else { return }
        insert(Neighbor(index: index, weight: reducedDistance))
    }

    private mutating func insert(_ neighbor: Neighbor) {
        guard case .nearest(let count) = extent else {
            neighbors.append(neighbor)
            return
        }
        if neighbors.count == count {
            guard neighbor < neighbors[count - 1] else { return }
            neighbors.removeLast()
        }
        var place = neighbors.count
        while place > 0, neighbor < neighbors[place - 1] { place -= 1 }
        neighbors.insert(neighbor, at: place)
        if neighbors.count == count { reach = neighbors[count - 1].weight }
    }

    /// Sorts what was found within a radius by its place in the training data.
    mutating func sortByPlace() { neighbors.sort { $0.index < $1.index } }

    /// Replaces what was found.
    mutating func replace(with neighbors: [Neighbor]) { self.neighbors = neighbors }

    /// Changes each one's weight.
    mutating func weigh(_ body: (inout [Neighbor]) -> Void) { body(&neighbors) }
}
