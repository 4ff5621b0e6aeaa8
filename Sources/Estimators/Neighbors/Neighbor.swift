/// A row of the training data that is near another row.
struct Neighbor {
    /// Its place in the training data.
    var index: Int
    /// How much it counts; not negative. While neighbours are looked for, their reduced distance (see `Metric`).
    var weight: Double

    /// Whether it is nearer than another one; of those that are equally far away, whether it comes first.
    static func < (a: Neighbor, b: Neighbor) -> Bool {
        a.weight < b.weight || a.weight == b.weight && a.index < b.index
    }
}
