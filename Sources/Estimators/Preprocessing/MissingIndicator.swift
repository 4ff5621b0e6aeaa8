import Pickle

/// scikit-learn's `MissingIndicator`: tells for each feature whether the value is missing.
struct MissingIndicator: Transformer {
    private let missing: MissingValue
    /// The places of the features that are told about.
    private let indicated: [Int]
    /// The places of those that must not be missing, as they never were in the training data.
    private let complete: [Int]

    let features: Features
    var outputCount: Int { indicated.count }
    var nanosecondsPerRow: Int { 3 * features.count }

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        missing = try MissingValue(estimator)
        let stated = try estimator.featureCount()
        guard let count = stated ?? Self.count(estimator.optional("_n_features")), count < 1 << 20 else {
            throw estimator.disagreement(about: "n_features_in_, which is missing")
        }
        let value = try estimator.required("features_")
        let indicated = try estimator.places(value, below: count, of: "features_")
        let which = try estimator.option("features", missing: "missing-only", known: ["missing-only", "all"])
        self.indicated = indicated
        try reader.charge(count + indicated.count, for: estimator, "features_")
        let known = Set(indicated)
        let refusesNew = try estimator.boolean("error_on_new", missing: true)
        complete = which == "missing-only" && refusesNew ? (0..<count).filter { !known.contains($0) } : []
        var texts: Set<Int> = []
        if case .text = missing { texts = Set(0..<count) }
        features = try estimator.features(count: count, by: "features_", unusual: missing.unusual, texts: texts)
    }

    private static func count(_ value: PickledValue?) -> Int? {
        if case .integer(let count)? = value, count > 0 { count } else { nil }
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        let columns = try table.columns(for: features)
        func isMissing(_ place: Int) -> [Bool] {
            switch columns[place].values {
            case .numbers(let numbers): numbers.map(missing.matches)
            case .texts(let texts): texts.map(missing.matches)
            }
        }
        for place in complete {
            if let row = isMissing(place).firstIndex(of: true) { throw .row(row, .missing(features[place])) }
        }
        var matrix = Matrix(rows: table.rows, columns: indicated.count)
        for (index, place) in indicated.enumerated() {
            matrix.replaceColumn(index, with: isMissing(place).map { $0 ? 1 : 0 })
        }
        return Table(matrix)
    }

    func origin(ofOutput place: Int) -> Int? { indicated[place] }
}
