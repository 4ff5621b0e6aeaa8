import Estimators
import Testing

@Suite("Naive Bayes")
struct NaiveBayesTests {
    private static let gaussian: [(String, MadeValue)] = [
        ("theta_", .numbers(shape: [2, 1], [0, 1])), ("var_", .numbers(shape: [2, 1], [1, 2])),
        ("class_prior_", .vector([0.5, 0.5])), ("classes_", .labels(["a", "b"])), ("n_features_in_", .integer(1)),
    ]
    private static let discrete: [(String, MadeValue)] = [
        ("feature_log_prob_", .numbers(shape: [2, 1], [-1, -2])), ("class_log_prior_", .vector([-1, -1])),
        ("classes_", .labels(["a", "b"])), ("binarize", .number(0)), ("n_features_in_", .integer(1)),
    ]
    private static let categorical: [(String, MadeValue)] = [
        ("feature_log_prob_", .list([.numbers(shape: [2, 3], [-1, -1, -1, -2, -1, -3])])),
        ("class_log_prior_", .vector([-1, -.infinity])), ("classes_", .labels(["a", "b"])),
        ("n_features_in_", .integer(1)),
    ]

    @Test("Before scikit-learn 1.0, variances had another name")
    func sigma() {
        let members = Self.gaussian.with("var_", nil).with("sigma_", .numbers(shape: [2, 1], [1, 2]))
        #expect(MadeValue.instance("naive_bayes.GaussianNB", members).refusedPart == nil)
    }

    @Test("A category that the model doesn't know is refused with its place", arguments: [-1, 3, 1e300, -1e300])
    func category(value: Double) throws {
        let model = try Model(file: MadeValue.instance("naive_bayes.CategoricalNB", Self.categorical).pickle)
        #expect(
            throws: FeatureError.row(0, .unknownCategory(Feature(index: 0), value: value.description))
        ) { try model.predict(Table(row: [value]), probabilities: false) }
        #expect(throws: Never.self) { try model.predict(Table(row: [-0.5]), probabilities: true) }
    }

    @Test("What doesn't fit together is refused")
    func refused() {
        for (attribute, value) in [
            ("theta_", .numbers(shape: [1, 1], [0])), ("theta_", .vector([0, 1])),
            ("theta_", .numbers(shape: [2, 0], [])),
            ("var_", .numbers(shape: [2, 1], [1, 0])), ("var_", .numbers(shape: [2, 1], [1, .nan])),
            ("var_", .numbers(shape: [1, 2], [1, 2])), ("var_", nil), ("class_prior_", .vector([1])),
            ("class_prior_", .vector([-1, 2])), ("classes_", .labels([])), ("n_features_in_", .integer(2)),
        ] as [(String, MadeValue?)] {
            let model = MadeValue.instance("naive_bayes.GaussianNB", Self.gaussian.with(attribute, value))
            #expect(model.refusedPart?.hasPrefix("GaussianNB") == true, "\(attribute)")
        }
        for kind in ["MultinomialNB", "ComplementNB", "BernoulliNB"] {
            for (attribute, value) in [
                ("feature_log_prob_", .numbers(shape: [1, 1], [-1])), ("feature_log_prob_", .vector([-1, -2])),
                ("feature_log_prob_", .numbers(shape: [2, 1], [-1, -.infinity])), ("class_log_prior_", .vector([-1])),
                ("class_log_prior_", .vector([-1, .nan])), ("class_log_prior_", .vector([-1, .infinity])),
                ("feature_log_prob_", .numbers(shape: [2, 0], [])), ("classes_", .labels(["a"])),
            ] as [(String, MadeValue?)] {
                let model = MadeValue.instance("naive_bayes.\(kind)", Self.discrete.with(attribute, value))
                #expect(model.refusedPart?.hasPrefix(kind) == true, "\(attribute)")
            }
        }
        for (attribute, value) in [
            ("feature_log_prob_", .list([])), ("feature_log_prob_", .list([.vector([1])])),
            ("feature_log_prob_", .list([.numbers(shape: [2, 0], [])])),
            ("feature_log_prob_", .list([.numbers(shape: [1, 2], [-1, -1])])), ("class_log_prior_", nil),
            ("n_features_in_", .integer(2)), ("feature_log_prob_", .numbers(shape: [2, 1], [-1, -2])),
        ] as [(String, MadeValue?)] {
            let model = MadeValue.instance("naive_bayes.CategoricalNB", Self.categorical.with(attribute, value))
            #expect(model.refusedPart?.hasPrefix("CategoricalNB") == true, "\(attribute)")
        }
        // A probability of 1 leaves no logarithm for the opposite; a threshold is a number or None.
        for (attribute, value) in [
            ("feature_log_prob_", .numbers(shape: [2, 1], [-1, 0])), ("binarize", .string("yes")),
            ("feature_log_prob_", .numbers(shape: [2, 1], [-1, 1])),
        ] as [(String, MadeValue?)] {
            let model = MadeValue.instance("naive_bayes.BernoulliNB", Self.discrete.with(attribute, value))
            #expect(model.refusedPart == "BernoulliNB.\(attribute)")
        }
    }
}
