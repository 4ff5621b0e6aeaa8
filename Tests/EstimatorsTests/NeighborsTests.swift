import Estimators
import TestSupport
import Testing

@Suite("Nearest neighbours")
struct NeighborsTests {
    private static let classifier: [(String, MadeValue)] = [
        ("_fit_X", .numbers(shape: [5, 2], [0, 0, 1, 0, 0, 1, 5, 5, 6, 6])),
        ("_y", .integers(shape: [5], [0, 0, 1, 1, 1])), ("classes_", .labels(["a", "b"])),
        ("effective_metric_", .string("euclidean")), ("effective_metric_params_", .dictionary([])),
        ("n_neighbors", .integer(3)), ("radius", .number(1.5)), ("weights", .string("uniform")),
        ("outlier_label_", .nothing), ("n_features_in_", .integer(2)),
    ]
    private static let name = "neighbors._classification.KNeighborsClassifier"
    private static let radiusName = "neighbors._classification.RadiusNeighborsClassifier"

    @Test("Neighbours that are equally far away count in the order of the training data")
    func ties() throws {
        let members = Self.classifier.with("n_neighbors", .integer(2))
            .with("_fit_X", .numbers(shape: [5, 1], [1, -1, 1, -1, 1])).with("n_features_in_", .integer(1))
        let model = try Model(file: MadeValue.instance(Self.name, members).pickle)
        let answer = try model.predict(Table(row: [0]), probabilities: true)
        #expect(
            answer
                == .classification(
                    Classification(classIndices: [0], probabilities: Matrix(rows: 1, columns: 2, values: [1, 0]))))
    }

    /// Rows on a grid, so that many are equally far away.
    @Test(
        "Searching a tree finds what looking at all rows finds",
        arguments: ["euclidean", "manhattan", "chebyshev"], [1, 2, 3, 5])
    func tree(metric: String, width: Int) throws {
        var random = SplitMix(seed: UInt64(width))
        let count = 300
        func rows(_ count: Int) -> [[Double]] {
            (0..<count).map { _ in (0..<width).map { _ in Double.random(in: -3...3, using: &random).rounded() / 4 } }
        }
        let (training, asked) = (rows(count), rows(40))
        let targets = (0..<count).map { _ in Double.random(in: 0...1, using: &random) }
        for (name, wanted) in [("KNeighborsRegressor", 1), ("KNeighborsRegressor", 7), ("RadiusNeighborsRegressor", 9)]
        {
            let members = Self.classifier.with("_fit_X", .numbers(shape: [count, width], training.flatMap { $0 }))
                .with("_y", .vector(targets)).with("effective_metric_", .string(metric))
                .with("n_features_in_", .integer(width)).with("n_neighbors", .integer(wanted))
            let model = try Model(file: MadeValue.instance("neighbors._regression.\(name)", members).pickle)
            for row in asked {
                let distances = training.map { other in
                    let differences = zip(row, other).map { abs($0 - $1) }
                    switch metric {
                    case "euclidean": return differences.reduce(0) { $0 + $1 * $1 }.squareRoot()
                    case "manhattan": return differences.reduce(0, +)
                    default: return differences.reduce(0, max)
                    }
                }
                let order = (0..<count).sorted { (distances[$0], $0) < (distances[$1], $1) }
                let near =
                    wanted < 9
                    ? Array(order.prefix(wanted)) : (0..<count).filter { distances[$0] <= 1.5 }
                let mean = near.reduce(0) { $0 + targets[$1] } / Double(near.count)
                let answer = try model.predict(Table(row: row), probabilities: false)
                #expect(answer == .regression(Matrix(rows: 1, columns: 1, values: [mean])))
            }
        }
    }

    @Test("A row without neighbours is refused, with its place")
    func lonely() throws {
        let model = try Model(file: MadeValue.instance(Self.radiusName, Self.classifier).pickle)
        let table = Table(Matrix(rows: 3, columns: 2, values: [0, 0, 5, 5, 50, 50]))
        #expect(throws: FeatureError.row(2, .noNeighbors)) { try model.predict(table, probabilities: false) }
        let none = try Model(
            file: MadeValue.instance(Self.radiusName, Self.classifier.with("radius", .number(-2))).pickle)
        #expect(throws: FeatureError.row(0, .noNeighbors)) { try none.predict(table, probabilities: false) }
    }

    @Test("Distances that overflow are refused, with the row's place")
    func overflow() throws {
        let model = try Model(file: MadeValue.instance(Self.name, Self.classifier).pickle)
        #expect(throws: FeatureError.row(1, .overflow)) {
            try model.predict(
                Table(Matrix(rows: 2, columns: 2, values: [0, 0, 1e200, 1])), probabilities: false)
        }
    }

    @Test(
        "What doesn't fit together is refused, with its name",
        arguments: [
            ("_fit_X", MadeValue.numbers(shape: [0, 2], [])), ("_fit_X", .numbers(shape: [1 << 50, 0], [])),
            ("_fit_X", .numbers(shape: [5, 2], [0, 0, 1, 0, 0, .nan, 5, 5, 6, 6])), ("_fit_X", .vector([1])),
            ("_fit_X", nil), ("_y", .integers(shape: [5], [0, 0, 1, 1, 2])),
            ("_y", .integers(shape: [5], [0, 0, 1, 1, -1])),
            ("_y", .integers(shape: [4], [0, 0, 1, 1])), ("_y", .integers(shape: [5, 1], [0, 0, 1, 1, 1])),
            ("_y", .vector([0, 0, 1, 1, 1])), ("n_neighbors", .integer(0)), ("n_neighbors", .integer(6)),
            ("n_neighbors", .integer(.min)), ("n_neighbors", .number(2)), ("weights", .string("mine")),
            ("weights", .integer(1)), ("effective_metric_", .string("precomputed")),
            ("effective_metric_", .string("haversine")), ("effective_metric_", .nothing),
            ("classes_", .list([.labels(["a", "b"])])), ("n_features_in_", .integer(3)),
        ] as [(String, MadeValue?)])
    func refused(attribute: String, value: MadeValue?) {
        let part = MadeValue.instance(Self.name, Self.classifier.with(attribute, value)).refusedPart
        #expect(part == "KNeighborsClassifier.\(attribute)" || part == "KNeighborsClassifier", "\(part ?? "-")")
    }

    @Test("Metrics with options that aren't understood are refused")
    func metrics() {
        func part(_ options: [(String, MadeValue)]) -> String? {
            let members = Self.classifier.with("effective_metric_", .string("minkowski"))
                .with("effective_metric_params_", .dictionary(options))
            return MadeValue.instance(Self.name, members).refusedPart
        }
        #expect(part([("p", .number(3)), ("w", .nothing)]) == nil)
        #expect(part([]) == "KNeighborsClassifier.effective_metric_params_['p']")
        #expect(part([("p", .integer(0))]) == "KNeighborsClassifier.effective_metric_params_['p']")
        #expect(part([("p", .number(.infinity))]) == "KNeighborsClassifier.effective_metric_params_['p']")
        #expect(
            part([("p", .integer(2)), ("w", .vector([1, 2]))]) == "KNeighborsClassifier.effective_metric_params_['w']")
    }

    @Test("A label for outliers that is no class is refused")
    func outliers() {
        let strange = Self.classifier.with("outlier_label_", .list([.string("c")]))
        #expect(
            MadeValue.instance(Self.radiusName, strange).refusedPart == "RadiusNeighborsClassifier.outlier_label_")
        let known = Self.classifier.with("outlier_label_", .list([.string("b")]))
        #expect(MadeValue.instance(Self.radiusName, known).refusedPart == nil)
        let radius = Self.classifier.with("radius", .number(.nan))
        #expect(MadeValue.instance(Self.radiusName, radius).refusedPart == "RadiusNeighborsClassifier.radius")
    }

    @Test("Means that don't fit the classes are refused")
    func centroids() {
        let members: [(String, MadeValue)] = [
            ("metric", .string("euclidean")), ("classes_", .labels(["a", "b"])),
            ("centroids_", .numbers(shape: [2, 1], [1, 2])), ("class_prior_", .vector([0.2, 0.8])),
            ("within_class_std_dev_", .vector([0])),
        ]
        let name = "neighbors._nearest_centroid.NearestCentroid"
        #expect(MadeValue.instance(name, members).refusedPart == nil)
        for (attribute, value) in [
            ("metric", .string("cosine")), ("centroids_", .numbers(shape: [1, 1], [1])),
            ("centroids_", .numbers(shape: [2, 0], [])), ("class_prior_", .vector([1])),
            ("class_prior_", .vector([-1, 2])), ("within_class_std_dev_", .vector([1, 2])),
            ("within_class_std_dev_", .vector([-1])), ("within_class_std_dev_", nil),
        ] as [(String, MadeValue?)] {
            #expect(
                MadeValue.instance(name, members.with(attribute, value)).refusedPart?.hasPrefix("NearestCentroid")
                    == true, "\(attribute)")
        }
    }
}
