import Estimators
import Pickle
import Testing

@Suite("Steps that can't be served")
struct StepErrorTests {
    private static func step(_ name: String, _ members: [(String, MadeValue)]) -> MadeValue { .instance(name, members) }

    private func failure(_ value: MadeValue) -> ModelError? {
        #expect(throws: ModelError.self) { try TransformerModel(file: value.pickle) }
    }

    private static let scaler = step(
        "preprocessing._data.StandardScaler", [("mean_", .vector([1, 2])), ("scale_", .vector([1, 2]))])

    private static func columns(
        _ transformers: [MadeValue], _ places: [(String, MadeValue)], count: Int = 3, more: [(String, MadeValue)] = []
    ) -> MadeValue {
        step(
            "compose._column_transformer.ColumnTransformer",
            [
                ("transformers_", .list(transformers)), ("_transformer_to_input_indices", .dictionary(places)),
                ("n_features_in_", .integer(count)),
            ] + more)
    }

    private static let scaled = MadeValue.tuple([.string("a"), scaler, .nothing])
    private static let pair = MadeValue.list([.integer(0), .integer(2)])

    private static let encoder: [(String, MadeValue)] = [
        ("categories_", .list([.labels(["x", "y"]), .vector([1, 2, 3])])), ("handle_unknown", .string("error")),
    ]
    private static let counter: [(String, MadeValue)] = [
        ("vocabulary_", .dictionary([("a", .integer(1)), ("b", .integer(0))])),
        ("ngram_range", .tuple([.integer(1), .integer(1)])),
    ]
    private static let polynomial: [(String, MadeValue)] = [
        ("n_features_in_", .integer(1000)), ("degree", .integer(2)),
    ]
    private static let oneHot = "preprocessing._encoders.OneHotEncoder"
    private static let vectorizer = "feature_extraction.text.CountVectorizer"

    @Test(
        "What doesn't fit together is refused, with the part that doesn't",
        arguments: [
            (columns([scaled], [("a", .list([.integer(0), .integer(3)]))]), "_transformer_to_input_indices"),
            (columns([scaled], [("a", .list([.integer(0), .integer(-1)]))]), "_transformer_to_input_indices"),
            (columns([scaled], [("a", .list([.string("x")]))]), "_transformer_to_input_indices"),
            (columns([scaled], [("b", pair)]), "_transformer_to_input_indices"),
            (columns([scaled], [("a", .list([.integer(0)]))]), "transformer 'a'"),
            (columns([.tuple([.string("a"), scaler])], [("a", pair)]), "transformers_"),
            (columns([.tuple([.string("a"), .string("skip"), pair])], [("a", pair)]), "transformer 'a'"),
            (columns([.tuple([.string("a"), .string("drop"), pair])], [("a", pair)]), "transformers_"),
            (
                columns([scaled], [("a", pair)], more: [("transformer_weights", .dictionary([("a", .string("x"))]))]),
                "transformer_weights"
            ),
            (columns([scaled], [("a", pair)], count: 1 << 40), "n_features_in_"),
            (step(oneHot, encoder.with("categories_", .list([.vector([])]))), "categories_"),
            (step(oneHot, encoder.with("categories_", .labels(["x"]))), "categories_"),
            (step(oneHot, encoder.with("handle_unknown", .string("guess"))), "handle_unknown"),
            (step(oneHot, encoder.with("drop_idx_", .integers(shape: [2], [0, 3]))), "drop_idx_"),
            (step(oneHot, encoder.with("drop_idx_", .integers(shape: [1], [0]))), "drop_idx_"),
            (
                step(
                    oneHot,
                    encoder.with("_infrequent_enabled", .boolean(true))
                        .with(
                            "_default_to_infrequent_mappings",
                            .list([.integers(shape: [2], [0, 2]), .nothing]))), "_default_to_infrequent_mappings"
            ),
            (
                step(
                    "preprocessing._encoders.OrdinalEncoder",
                    encoder.with("handle_unknown", .string("use_encoded_value")).with("unknown_value", .nothing)),
                "unknown_value"
            ),
            (
                step(
                    "impute._base.SimpleImputer",
                    [("statistics_", .vector([.nan, .nan])), ("n_features_in_", .integer(2))]),
                "statistics_"
            ),
            (step("impute._base.SimpleImputer", [("statistics_", .list([]))]), "statistics_"),
            (
                step(
                    "preprocessing._function_transformer.FunctionTransformer",
                    [("func", .string("log")), ("n_features_in_", .integer(2))]), "func"
            ),
            (
                step(
                    "preprocessing._function_transformer.FunctionTransformer",
                    [("kw_args", .dictionary([("out", .nothing)])), ("n_features_in_", .integer(2))]), "kw_args"
            ),
            (step("preprocessing._function_transformer.FunctionTransformer", [("func", .nothing)]), "Transformer"),
            (step("preprocessing._polynomial.PolynomialFeatures", polynomial.with("degree", .integer(3))), "degree"),
            (step("preprocessing._polynomial.PolynomialFeatures", polynomial.with("degree", .integer(-1))), "degree"),
            (
                step("preprocessing._polynomial.PolynomialFeatures", polynomial.with("degree", .integer(1 << 50))),
                "degree"
            ),
            (
                step(
                    "preprocessing._polynomial.PolynomialFeatures",
                    [("n_features_in_", .integer(1)), ("degree", .integer(0)), ("include_bias", .boolean(false))]),
                "degree"
            ),
            (
                step(
                    "preprocessing._data.QuantileTransformer",
                    [
                        ("quantiles_", .numbers(shape: [2, 1], [2, 1])), ("references_", .vector([0, 1])),
                        ("output_distribution", .string("uniform")),
                    ]), "quantiles_"
            ),
            (step(vectorizer, counter.with("vocabulary_", .dictionary([("a", .integer(1))]))), "vocabulary_"),
            (step(vectorizer, counter.with("vocabulary_", .dictionary([]))), "vocabulary_"),
            (step(vectorizer, counter.with("ngram_range", .tuple([.integer(0), .integer(1)]))), "ngram_range"),
            (step(vectorizer, counter.with("ngram_range", .tuple([.integer(2), .integer(1)]))), "ngram_range"),
            (step(vectorizer, counter.with("ngram_range", .tuple([.integer(1), .integer(1 << 40)]))), "ngram_range"),
            (step(vectorizer, counter.with("tokenizer", .string("shop.words"))), "tokenizer"),
            (step(vectorizer, counter.with("token_pattern", .string("(a+)+b"))), "token_pattern"),
            (step(vectorizer, counter.with("analyzer", .string("line"))), "analyzer"),
            (step(vectorizer, counter.with("stop_words", .list([.integer(1)]))), "stop_words"),
            (
                step(
                    "feature_selection._univariate_selection.SelectKBest",
                    [("scores_", .vector([1, 2])), ("k", .integer(0))]), "scores_"
            ),
            (
                step(
                    "feature_selection._univariate_selection.SelectPercentile",
                    [("scores_", .vector([1, 2])), ("percentile", .integer(101))]), "percentile"
            ),
            (step("feature_selection._rfe.RFE", [("support_", .vector([1, 2]))]), "support_"),
            (
                step(
                    "feature_selection._from_model.SelectFromModel",
                    [("estimator_", scaler), ("threshold", .string("mean"))]), "estimator_"
            ),
            (
                step(
                    "decomposition._pca.PCA",
                    [("components_", .numbers(shape: [1, 2], [1, 2])), ("mean_", .vector([1]))]), "PCA"
            ),
            (
                step(
                    "preprocessing._polynomial.SplineTransformer",
                    [("degree", .integer(2)), ("bsplines_", .list([scaler]))]), "bsplines_"
            ),
            (step("preprocessing._polynomial.SplineTransformer", [("degree", .integer(1 << 30))]), "degree"),
            (
                step(
                    "impute._knn.KNNImputer",
                    [("_fit_X", .numbers(shape: [1, 2], [1, 2])), ("n_neighbors", .integer(0))]), "n_neighbors"
            ),
        ])
    func refused(value: MadeValue, part: String) {
        guard case .unusable(let found, _, _, _)? = failure(value) else {
            Issue.record("\(String(describing: failure(value)))")
            return
        }
        #expect(found.contains(part))
    }

    @Test("Unions of unions of one scaler, a thousand times each, are refused before they are made")
    func unions() {
        var bytes: [UInt8] = [0x80, 2] + Self.scaler.pickle.dropFirst(2).dropLast() + [0x71, 0, 0x30]
        for level in 0..<4 as Range<UInt8> {
            bytes += Array("csklearn.pipeline\nFeatureUnion\n)".utf8) + [0x81] + Array("}(".utf8)
            bytes += Array("X".utf8) + [16, 0, 0, 0] + Array("transformer_list](".utf8)
            for _ in 0..<1000 {
                bytes += Array("(X".utf8) + [1, 0, 0, 0] + Array("ah".utf8) + [level] + Array("t".utf8)
            }
            bytes += Array("eub".utf8) + [0x71, level + 1, 0x30]
        }
        bytes += [0x68, 4, 0x2E]
        #expect(throws: ModelError.self) { try TransformerModel(file: bytes) }
    }

    @Test("A union that contains itself is refused")
    func cycle() {
        var bytes: [UInt8] =
            [0x80, 2] + Array("csklearn.pipeline\nFeatureUnion\n)".utf8) + [0x81, 0x71, 0] + Array("}(".utf8)
        bytes += Array("X".utf8) + [16, 0, 0, 0] + Array("transformer_list](".utf8)
        bytes += Array("(X".utf8) + [1, 0, 0, 0] + Array("ah".utf8) + [0] + Array("teub.".utf8)
        #expect(throws: ModelError.self) { try TransformerModel(file: bytes) }
    }
}
