import Estimators
import Testing

@Suite("Linear models")
struct LinearModelTests {
    private static let classifier: [(String, MadeValue)] = [
        ("coef_", .numbers(shape: [3, 2], [1, 2, 3, 4, 5, 6])), ("intercept_", .vector([1, 2, 3])),
        ("classes_", .labels(["a", "b", "c"])), ("n_features_in_", .integer(2)),
    ]
    private static let regressor: [(String, MadeValue)] = [
        ("coef_", .numbers(shape: [3, 2], [1, 2, 3, 4, 5, 6])), ("intercept_", .vector([1, 2, 3])),
        ("n_features_in_", .integer(2)),
    ]

    @Test("Each row has the same answer alone and among others")
    func blocks() throws {
        let model = try Model(file: MadeValue.instance("linear_model._base.LinearRegression", Self.regressor).pickle)
        #expect(model.task == .regression(.numbers(3)))
        for rows in 1...9 {
            let matrix = Matrix(rows: rows, columns: 2, values: (0..<2 * rows).map { Double($0) })
            var expected: [Double] = []
            for row in 0..<rows {
                let (x, y) = (Double(2 * row), Double(2 * row + 1))
                expected += [x + 2 * y + 1, 3 * x + 4 * y + 2, 5 * x + 6 * y + 3]
            }
            let answer = try model.predict(Table(matrix), probabilities: true)
            #expect(
                answer
                    == .regression(Matrix(rows: rows, columns: 3, values: expected)))
        }
    }

    @Test("No probabilities unless they are asked for")
    func withoutProbabilities() throws {
        let model = try Model(
            file: MadeValue.instance("linear_model._logistic.LogisticRegression", Self.classifier).pickle)
        let answer = try model.predict(Table(row: [1, 1]), probabilities: false)
        #expect(
            answer
                == .classification(Classification(classIndices: [2])))
    }

    @Test("Scores that overflow to NaN are refused with their row")
    func overflow() throws {
        let model = try Model(
            file: MadeValue.instance(
                "svm._classes.LinearSVC", Self.classifier.with("coef_", .numbers(shape: [3, 2], [9, -9, 1, 2, 3, 4]))
            ).pickle)
        let matrix = Matrix(rows: 2, columns: 2, values: [1, 2, 1e308, 1e308])
        #expect(throws: FeatureError.row(1, .overflow)) {
            try model.predict(Table(matrix), probabilities: false)
        }
    }

    @Test(
        "What doesn't fit together is refused, with its name",
        arguments: [
            ("coef_", MadeValue.numbers(shape: [2, 2], [1, 2, 3, 4])), ("coef_", .numbers(shape: [3, 0], [])),
            ("coef_", .vector([1, 2, 3])), ("coef_", .numbers(shape: [3, 1, 1], [1, 2, 3])),
            ("coef_", .numbers(shape: [3, 1], [1, .nan, 3])), ("coef_", .list([])), ("coef_", nil),
            ("intercept_", .vector([1, 2])), ("intercept_", .numbers(shape: [3, 1], [1, 2, 3])),
            ("intercept_", .vector([])), ("intercept_", .number(.infinity)), ("intercept_", .string("0")),
            ("classes_", .labels(["a"])), ("classes_", .labels([])), ("classes_", nil),
            ("classes_", .labels(["a", "b"])), ("n_features_in_", .integer(3)), ("n_features_in_", .integer(-1)),
            ("multi_class", .string("some")), ("multi_class", .nothing),
        ] as [(String, MadeValue?)])
    func classifiers(attribute: String, value: MadeValue?) {
        let model = MadeValue.instance(
            "linear_model._logistic.LogisticRegression", Self.classifier.with(attribute, value))
        let part = model.refusedPart
        // Coefficients are held against the classes, and they against the number of features.
        #expect(
            part == "LogisticRegression.\(attribute)" || part == "LogisticRegression.coef_"
                || part == "LogisticRegression", "\(String(describing: part))")
    }

    @Test(
        "So are regressors",
        arguments: [
            ("coef_", MadeValue.numbers(shape: [], [1])), ("coef_", .numbers(shape: [0, 2], [])),
            ("coef_", .vector([])),
            ("intercept_", .vector([1, 2])), ("intercept_", nil),
            ("coef_", .numbers(shape: [1, 3, 2], [1, 2, 3, 4, 5, 6])),
        ] as [(String, MadeValue?)])
    func regressors(attribute: String, value: MadeValue?) {
        let model = MadeValue.instance("linear_model._ridge.Ridge", Self.regressor.with(attribute, value))
        #expect(model.refusedPart == "Ridge.\(attribute)")
    }

    @Test("Options that scikit-learn doesn't have are refused")
    func options() {
        let regressor = Self.regressor.with("coef_", .vector([1, 2])).with("intercept_", .number(1))
        let link = regressor.with("link", .string("logit")).with("power", .number(1))
        #expect(
            MadeValue.instance("linear_model._glm.glm.TweedieRegressor", link).refusedPart == "TweedieRegressor.link")
        let power = regressor.with("link", .string("auto")).with("power", .string("1"))
        #expect(
            MadeValue.instance("linear_model._glm.glm.TweedieRegressor", power).refusedPart == "TweedieRegressor.power")
        let loss = Self.classifier.with("loss", .string("mine"))
        #expect(
            MadeValue.instance("linear_model._stochastic_gradient.SGDClassifier", loss).refusedPart
                == "SGDClassifier.loss")
    }

    @Test("A classifier of several labels a row is refused")
    func multilabel() {
        func model(_ type: MadeValue) -> MadeValue {
            .instance(
                "linear_model._ridge.RidgeClassifier",
                Self.classifier.with(
                    "_label_binarizer",
                    .instance(
                        "preprocessing._label.LabelBinarizer",
                        [("y_type_", type), ("classes_", .integers(shape: [3], [0, 1, 2]))])))
        }
        #expect(throws: Never.self) { try Model(file: model(.string("multiclass")).pickle) }
        #expect(model(.string("multilabel-indicator")).refusedPart == "RidgeClassifier._label_binarizer.y_type_")
        #expect(model(.nothing).refusedPart == "RidgeClassifier._label_binarizer.y_type_")
        #expect(
            MadeValue.instance("linear_model._ridge.RidgeClassifier", Self.classifier).refusedPart
                == "RidgeClassifier._label_binarizer")
    }

    @Test("Distributions that can't be are refused")
    func distributions() {
        let members: [(String, MadeValue)] = [
            ("classes_", .labels(["a", "b"])), ("means_", .numbers(shape: [2, 2], [1, 2, 3, 4])),
            ("priors_", .vector([0.5, 0.5])),
            ("rotations_", .list([.numbers(shape: [2, 1], [1, 0]), .numbers(shape: [2, 2], [1, 0, 0, 1])])),
            ("scalings_", .list([.vector([2]), .vector([1, 2])])),
        ]
        let name = "discriminant_analysis.QuadraticDiscriminantAnalysis"
        #expect(throws: Never.self) { try Model(file: MadeValue.instance(name, members).pickle) }
        let others: [(String, MadeValue?)] = [
            ("means_", .numbers(shape: [1, 2], [1, 2])), ("means_", .vector([1, 2])), ("priors_", .vector([1])),
            ("priors_", .vector([-0.5, 1.5])), ("scalings_", .list([.vector([2]), .vector([1])])),
            ("scalings_", .list([.vector([2]), .vector([1, 0])])), ("scalings_", .list([])),
            ("scalings_", .vector([1, 2])), ("rotations_", .list([.nothing, .nothing])), ("rotations_", nil),
            ("classes_", .labels([])), ("means_", .numbers(shape: [2, 0], [])),
            ("rotations_", .list([.numbers(shape: [2, 0], []), .numbers(shape: [2, 2], [1, 0, 0, 1])])),
        ]
        for (attribute, value) in others {
            let part = MadeValue.instance(name, members.with(attribute, value)).refusedPart
            #expect(part?.hasPrefix("QuadraticDiscriminantAnalysis") == true, "\(attribute)")
        }
    }
}
