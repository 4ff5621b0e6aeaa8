import Estimators
import Testing

@Suite("Support vector machines")
struct SupportVectorTests {
    private static let classifier: [(String, MadeValue)] = [
        ("kernel", .string("rbf")), ("_gamma", .number(0.5)), ("coef0", .number(0)), ("degree", .integer(3)),
        ("support_vectors_", .numbers(shape: [3, 2], [1, 2, 3, 4, 5, 6])),
        ("_dual_coef_", .numbers(shape: [2, 3], [1, -1, 1, -1, 1, -1])),
        ("_n_support", .integers(shape: [3], [1, 1, 1])), ("_intercept_", .vector([0, 0, 0])),
        ("classes_", .labels(["a", "b", "c"])), ("n_features_in_", .integer(2)), ("probability", .boolean(true)),
        ("_probA", .vector([-1, -1, -1])), ("_probB", .vector([0, 0, 0])), ("decision_function_shape", .string("ovr")),
    ]

    @Test("A model of which nothing is missing is read")
    func whole() throws {
        let model = try Model(file: MadeValue.instance("svm._classes.SVC", Self.classifier).pickle)
        #expect(
            model.task
                == .classification(classes: [.string("a"), .string("b"), .string("c")], hasProbabilities: true))
        #expect(throws: Never.self) { try model.predict(Table(row: [1, 2]), probabilities: true) }
    }

    @Test(
        "What doesn't fit together is refused, with its name",
        arguments: [
            ("kernel", MadeValue.string("precomputed")), ("kernel", .nothing), ("kernel", nil),
            ("_gamma", .number(.nan)), ("_gamma", .string("scale")), ("_gamma", nil),
            ("support_vectors_", .numbers(shape: [3, 0], [])), ("support_vectors_", .vector([1, 2, 3])),
            ("support_vectors_", .numbers(shape: [2, 2], [1, 2, 3, 4])), ("support_vectors_", nil),
            ("support_vectors_", .numbers(shape: [0, 1 << 50], [])),
            ("_dual_coef_", .numbers(shape: [1, 3], [1, 2, 3])),
            ("_dual_coef_", .numbers(shape: [2, 2], [1, 2, 3, 4])),
            ("_dual_coef_", .vector([1, 2, 3, 4, 5, 6])), ("_n_support", .integers(shape: [3], [1, 1, 2])),
            ("_n_support", .integers(shape: [3], [-1, 2, 2])), ("_n_support", .integers(shape: [2], [1, 2])),
            ("_n_support", .integers(shape: [3], [.max, .max, 1])), ("_n_support", .vector([1, 1, 1])),
            ("_n_support", .integers(shape: [4], [1, 1, 1, 0])), ("_intercept_", .vector([0])),
            ("_intercept_", .numbers(shape: [3, 1], [0, 0, 0])), ("classes_", .labels(["a"])),
            ("classes_", .labels([])),
            ("classes_", .labels(["a", "b", "c", "d"])), ("n_features_in_", .integer(3)), ("_probA", .vector([])),
            ("_probB", .vector([1, 2])), ("probability", .integer(1)), ("break_ties", .integer(1)),
        ] as [(String, MadeValue?)])
    func refused(attribute: String, value: MadeValue?) {
        let part = MadeValue.instance("svm._classes.SVC", Self.classifier.with(attribute, value)).refusedPart
        // Numbers of classes and of vectors are held against the coefficients, and those against the features.
        #expect(
            part == "SVC.\(attribute)" || part == "SVC._dual_coef_" || part == "SVC",
            "\(attribute): \(String(describing: part))")
    }

    @Test("Ties can't be broken between votes alone")
    func ties() {
        let members = Self.classifier.with("break_ties", .boolean(true))
        #expect(
            MadeValue.instance("svm._classes.SVC", members.with("decision_function_shape", .string("ovo"))).refusedPart
                == "SVC.decision_function_shape")
        #expect(
            MadeValue.instance("svm._classes.SVC", members.with("decision_function_shape", .string("ovr"))).refusedPart
                == nil)
    }

    @Test("A degree that is no degree is refused", arguments: [-1, 1 << 31, .min])
    func degree(degree: Int) {
        let members = Self.classifier.with("kernel", .string("poly")).with("degree", .integer(degree))
        #expect(MadeValue.instance("svm._classes.SVC", members).refusedPart == "SVC.degree")
    }

    @Test("Decisions that overflow are refused with their row")
    func overflow() throws {
        let members: [(String, MadeValue)] = [
            ("kernel", .string("poly")), ("_gamma", .number(1e200)), ("coef0", .number(0)), ("degree", .integer(3)),
            ("support_vectors_", .numbers(shape: [2, 1], [1, 1])), ("_dual_coef_", .numbers(shape: [1, 2], [1, -1])),
            ("_intercept_", .vector([0])), ("n_features_in_", .integer(1)),
        ]
        let model = try Model(file: MadeValue.instance("svm._classes.OneClassSVM", members).pickle)
        #expect(throws: FeatureError.row(1, .overflow)) {
            try model.predict(Table(Matrix(rows: 2, columns: 1, values: [0, 1])), probabilities: false)
        }
        let regressor = try Model(file: MadeValue.instance("svm._classes.SVR", members).pickle)
        #expect(throws: FeatureError.row(1, .overflow)) {
            try regressor.predict(Table(Matrix(rows: 2, columns: 1, values: [0, 1])), probabilities: false)
        }
    }
}
