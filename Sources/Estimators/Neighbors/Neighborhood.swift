import Pickle

/// Finds those of the training rows that are near another row, and how much each counts.
///
/// The library's search trees are not read; every distance is computed. The distances are those of its trees to the
/// last bit for the metrics without powers. Its other way (`algorithm="brute"`) takes Euclidean distances from
/// x² - 2xy + y², where digits are lost: neighbours that are equally far away within about 1e-16 of x² may be chosen
/// otherwise there, and a row that is one of the training data may have a distance of 1e-8 from itself. Of rows that are
/// exactly equally far away, those come first here that came first in the training data; the library's order depends on
/// its trees, and is unspecified.
///
/// Sources: scikit-learn, `sklearn/neighbors/_base.py`, `KNeighborsMixin`, `RadiusNeighborsMixin`, `_get_weights`.
struct Neighborhood: Sendable {
    private enum Extent: Sendable {
        /// This many rows, at least 1 and at most as many as there are.
        case nearest(Int)
        /// Those whose reduced distance is at most this.
        case radius(reduced: Double)
    }

    /// A row of the training data with its weight.
    struct Neighbor {
        var index: Int
        /// Not negative. The reduced distance at first.
        var weight: Double
    }

    let features: Features
    let rows: TrainingRows
    private let extent: Extent
    /// Whether near neighbours count more than far ones, by the inverse of their distance.
    private let weighsByDistance: Bool

    init(_ estimator: PickledEstimator, isRadius: Bool) throws(ModelError) {
        let metric = try Metric(estimator)
        let matrix = try estimator.matrix("_fit_X")
        guard matrix.rows > 0, matrix.columns > 0 else {
            throw estimator.unusable("_fit_X", try estimator.required("_fit_X"), expected: "at least one row")
        }
        features = try estimator.features(count: matrix.columns, by: "_fit_X")
        rows = TrainingRows(matrix, metric: metric)
        if isRadius {
            let radius = try estimator.finiteNumber("radius")
            // A negative radius has no neighbours, as in the library; its square would have.
            extent = .radius(reduced: radius < 0 ? -1 : metric.reduced(distance: radius))
        } else {
            let value = try estimator.required("n_neighbors")
            guard case .integer(let count) = value, (1...matrix.rows).contains(count) else {
                throw estimator.unusable(
                    "n_neighbors", value, expected: "a number from 1 to the \(matrix.rows) rows of _fit_X")
            }
            extent = .nearest(count)
        }
        if estimator.optional("weights") == PickledValue.none {
            weighsByDistance = false
        } else {
            weighsByDistance = try estimator.word("weights", of: ["uniform", "distance"]) == "distance"
        }
    }

    /// Calls a function with the neighbours of each row, of which there may be none.
    ///
    /// - Throws: `FeatureError` for a row whose distance from its neighbours overflows.
    func forEachRow(
        of matrix: Matrix, _ body: (_ row: Int, _ neighbors: [Neighbor]) -> Void
    ) throws(FeatureError) {
        var unreachable: Int?
        let width = matrix.columns
        let blockLength = min(matrix.rows, Self.blockLength)
        var neighbors: [Neighbor] = []
        unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: blockLength * rows.stride) { distances in
            for start in stride(from: 0, to: matrix.rows, by: blockLength) {
                let end = min(start + blockLength, matrix.rows)
                unsafe rows.write(matrix.values[start * width..<end * width], into: distances)
                for row in start..<end {
                    let place = (row - start) * rows.stride
                    unsafe choose(
                        UnsafeMutableBufferPointer(rebasing: distances[place..<place + rows.count]), &neighbors)
                    if unreachable == nil, neighbors.contains(where: { !$0.weight.isFinite }) { unreachable = row }
                    weigh(&neighbors)
                    body(row, neighbors)
                }
            }
        }
        if let unreachable { throw .row(unreachable, .overflow) }
    }

    /// The number of rows whose distances are computed together.
    private static let blockLength = 8

    private func choose(_ distances: UnsafeMutableBufferPointer<Double>, _ neighbors: inout [Neighbor]) {
        neighbors.removeAll(keepingCapacity: true)
        switch extent {
        case .radius(let reduced):
            for index in distances.indices {
                let distance = unsafe distances[index]
                if distance <= reduced { neighbors.append(Neighbor(index: index, weight: distance)) }
            }
        case .nearest(let count) where count <= Self.mostInserted:
            var farthest = Double.infinity
            for index in distances.indices {
                let distance = unsafe distances[index]
                // A distance that overflowed is farther than any, but still one.
                guard distance < farthest || neighbors.count < count else { continue }
                if neighbors.count == count { neighbors.removeLast() }
                var place = neighbors.count
                while place > 0, neighbors[place - 1].weight > distance { place -= 1 }
                neighbors.insert(Neighbor(index: index, weight: distance), at: place)
                if neighbors.count == count { farthest = neighbors[count - 1].weight }
            }
        case .nearest(let count):
            for index in distances.indices {
                neighbors.append(Neighbor(index: index, weight: unsafe distances[index]))
            }
            neighbors.sort { ($0.weight, $0.index) < ($1.weight, $1.index) }
            neighbors.removeLast(neighbors.count - count)
        }
    }

    /// Beyond so many neighbours, sorting all rows is faster than inserting each into those found so far.
    private static let mostInserted = 64

    /// Turns reduced distances into weights.
    private func weigh(_ neighbors: inout [Neighbor]) {
        guard weighsByDistance else {
            for place in neighbors.indices { neighbors[place].weight = 1 }
            return
        }
        var hasEqual = false
        for place in neighbors.indices {
            neighbors[place].weight = 1 / rows.metric.distance(reduced: neighbors[place].weight)
            if neighbors[place].weight.isInfinite { hasEqual = true }
        }
        // If training rows equal this one, they alone count.
        guard hasEqual else { return }
        for place in neighbors.indices {
            neighbors[place].weight = neighbors[place].weight.isInfinite ? 1 : 0
        }
    }

    var nanosecondsPerRow: Int { rows.nanosecondsPerRow }
}
