import Pickle

/// Finds those of the training rows that are near another row, and how much each counts.
///
/// The library's search trees are not read; every distance is computed, or a tree is made anew. The distances are those
/// of its trees to the last bit for the metrics without powers. Its other way (`algorithm="brute"`) takes Euclidean
/// distances from x² - 2xy + y², where digits are lost: neighbours that are equally far away within about 1e-16 of x²
/// may be chosen otherwise there, and a row that is one of the training data may have a distance of 1e-8 from itself.
/// Of rows that are exactly equally far away, those come first here that came first in the training data; the library's
/// order depends on its trees, and is unspecified.
///
/// Sources: scikit-learn, `sklearn/neighbors/_base.py`, `KNeighborsMixin`, `RadiusNeighborsMixin`, `_get_weights`.
struct Neighborhood: Sendable {
    private enum Search: Sendable {
        /// By looking at all rows.
        case all(TrainingRows)
        case tree(NeighborTree)
    }

    let features: Features
    /// The number of training rows.
    let count: Int
    private let metric: Metric
    private let extent: NearestRows.Extent
    private let search: Search
    /// Whether near neighbours count more than far ones, by the inverse of their distance.
    private let weighsByDistance: Bool

    init(_ estimator: PickledEstimator, isRadius: Bool) throws(ModelError) {
        let metric = try Metric(estimator)
        let matrix = try estimator.matrix("_fit_X")
        guard matrix.rows > 0, matrix.columns > 0 else {
            throw estimator.unusable("_fit_X", try estimator.required("_fit_X"), expected: "at least one row")
        }
        features = try estimator.features(count: matrix.columns, by: "_fit_X")
        count = matrix.rows
        self.metric = metric
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
        var tree: NeighborTree?
        switch extent {
        case .nearest(let count) where count > Self.mostInserted: break
        case .nearest, .radius: tree = NeighborTree(matrix, metric: metric)
        }
        search = tree.map(Search.tree) ?? .all(TrainingRows(matrix, metric: metric))
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
        forEachRow(of: matrix) { row, found in
            if unreachable == nil, found.neighbors.contains(where: { !$0.weight.isFinite }) { unreachable = row }
            found.weigh(weigh)
            body(row, found.neighbors)
        }
        if let unreachable { throw .row(unreachable, .overflow) }
    }

    private func forEachRow(of matrix: Matrix, _ body: (_ row: Int, _ found: inout NearestRows) -> Void) {
        let width = matrix.columns
        var found = NearestRows(extent)
        switch search {
        case .tree(let tree):
            for row in 0..<matrix.rows {
                found.reset()
                unsafe matrix.values.withUnsafeBufferPointer { rows in
                    unsafe tree.search(UnsafeBufferPointer(rebasing: rows[row * width..<(row + 1) * width]), &found)
                }
                if case .radius = extent { found.sortByPlace() }
                body(row, &found)
            }
        case .all(let rows):
            let blockLength = min(matrix.rows, Self.blockLength)
            unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: blockLength * rows.stride) { distances in
                for start in stride(from: 0, to: matrix.rows, by: blockLength) {
                    let end = min(start + blockLength, matrix.rows)
                    unsafe rows.write(matrix.values[start * width..<end * width], into: distances)
                    for row in start..<end {
                        let place = (row - start) * rows.stride
                        found.reset()
                        unsafe choose(
                            UnsafeMutableBufferPointer(rebasing: distances[place..<place + rows.stride]), &found)
                        body(row, &found)
                    }
                }
            }
        }
    }

    /// The number of rows whose distances are computed together.
    private static let blockLength = 8

    /// - Parameter distances: the reduced ones from all training rows, and a few more up to a multiple of 4.
    private func choose(_ distances: UnsafeMutableBufferPointer<Double>, _ found: inout NearestRows) {
        if case .nearest(let wanted) = extent, wanted > Self.mostInserted {
            var all: [Neighbor] = []
            for index in 0..<count { all.append(Neighbor(index: index, weight: unsafe distances[index])) }
            all.sort { $0 < $1 }
            found.replace(with: Array(all.prefix(wanted)))
            return
        }
        guard let first = distances.baseAddress else { return }
        for start in stride(from: 0, to: count, by: 4) {
            // Most are too far away.
            let four = unsafe LinearMap.load(first + start)
            if all(four .> found.reach) { continue }
            for lane in 0..<min(4, count - start) { found.offer(start + lane, reducedDistance: four[lane]) }
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
            neighbors[place].weight = 1 / metric.distance(reduced: neighbors[place].weight)
            if neighbors[place].weight.isInfinite { hasEqual = true }
        }
        // If training rows equal this one, they alone count.
        guard hasEqual else { return }
        for place in neighbors.indices {
            neighbors[place].weight = neighbors[place].weight.isInfinite ? 1 : 0
        }
    }

    var nanosecondsPerRow: Int {
        switch search {
        case .all(let rows): rows.nanosecondsPerRow
        // About a hundred rows are looked at, and more the more features there are.
        case .tree: min(count * features.count, 500 << (features.count / 2))
        }
    }
}
