import Estimators
import Testing

@Suite("Boosted trees that can't be used")
struct BoostingErrorTests {
    private func flaw(_ bytes: [UInt8]) -> String? {
        do {
            _ = try Model(file: bytes)
            return nil
        } catch {
            guard case .unusable(let part, let found, let expected, let offset) = error else { return "\(error)" }
            #expect((0..<bytes.count).contains(offset))
            return "\(part): \(found), not \(expected)"
        }
    }

    private func model(_ file: String, replacing old: String, with new: String) throws -> [UInt8] {
        precondition(old.utf8.count == new.utf8.count)
        var bytes = try #require(Answers.all.first { $0.file == file }).bytes
        let places = bytes.indices.filter { bytes[$0...].starts(with: old.utf8) }
        #expect(!places.isEmpty)
        for place in places { bytes.replaceSubrange(place..<place + old.utf8.count, with: new.utf8) }
        return bytes
    }

    @Test("An unknown loss is refused by name")
    func loss() throws {
        #expect(
            flaw(try model("boosting-1.9.1.pkl", replacing: "log_loss", with: "log_l0ss"))
                == "GradientBoostingClassifier.loss: the string 'log_l0ss', "
                + "not 'log_loss', 'deviance' or 'exponential'")
        #expect(
            flaw(try model("histogram-1.9.1.pkl", replacing: "log_loss", with: "log_l0ss"))
                == "HistGradientBoostingClassifier.loss: the string 'log_l0ss', "
                + "not 'log_loss' or 'auto' or 'categorical_crossentropy'")
        #expect(
            flaw(try model("histogram-poisson-1.9.1.pkl", replacing: "poisson", with: "tweedie"))
                == "HistGradientBoostingRegressor.loss: the string 'tweedie', "
                + "not one of scikit-learn's losses by name")
    }

    @Test("A first guess that draws lots, or isn't one of trees, is refused by name")
    func first() throws {
        #expect(
            flaw(try model("boosting-frequent-1.9.1.pkl", replacing: "most_frequent", with: "stratified_by"))
                == "DummyClassifier.strategy: the string 'stratified_by', "
                + "not 'prior', 'most_frequent' or 'constant'")
        #expect(
            flaw(
                try model(
                    "boosting-tree-1.9.1.pkl", replacing: "DecisionTreeClassifier", with: "DecisionTreeClassifyer"))
                == "GradientBoostingClassifier.init_: "
                + "a value made by 'sklearn.tree._classes.DecisionTreeClassifyer', not an estimator")
    }

    /// A histogram-based model of one tree that tests a feature, the first of two, and has two leaves.
    private func histogram(
        isCategorical: Bool = true, set: Int = 0, known: [Double] = [0, 1, 2], mask: [Int] = [1, 0], feature: Int = 0,
        words: [Int] = [2, 0, 0, 0, 0, 0, 0, 0], wordsPerSet: Int = 8
    ) -> [UInt8] {
        func node(_ value: Double, isLeaf: Bool) -> [UInt8] {
            func bytes(_ number: Int, _ count: Int) -> [UInt8] {
                (0..<count).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
            }
            return bytes(Int(bitPattern: UInt(value.bitPattern)), 8) + bytes(5, 4) + bytes(feature, 4)
                + bytes(0, 8) + [0] + bytes(1, 4) + bytes(2, 4) + [isLeaf ? 1 : 0, isCategorical ? 1 : 0]
                + bytes(set, 4)
        }
        let content = node(0, isLeaf: false) + node(10, isLeaf: true) + node(20, isLeaf: true)
        let base = "sklearn.ensemble._hist_gradient_boosting"
        return ModelPickle.bytes { pickle in
            pickle.instance(
                "\(base).gradient_boosting", "HistGradientBoostingRegressor",
                [
                    ("n_features_in_", { $0.integer(2) }), ("loss", { $0.string("squared_error") }),
                    ("_baseline_prediction", { $0.number(0.5) }),
                    (
                        "_bin_mapper",
                        {
                            $0.instance(
                                "\(base).binning", "_BinMapper",
                                [
                                    ("is_categorical_", { $0.array(mask, type: "u1") }),
                                    ("bin_thresholds_", { $0.list([{ $0.array(known) }, { $0.array([0.5]) }]) }),
                                ])
                        }
                    ),
                    (
                        "_predictors",
                        { pickle in
                            pickle.list([
                                {
                                    $0.list([
                                        {
                                            $0.instance(
                                                "\(base).predictor", "TreePredictor",
                                                [
                                                    (
                                                        "nodes",
                                                        {
                                                            $0.array(content, shape: [3]) {
                                                                $0.type(records: [
                                                                    ("value", "f8"), ("count", "u4"),
                                                                    ("feature_idx", "i4"), ("num_threshold", "f8"),
                                                                    ("missing_go_to_left", "u1"), ("left", "u4"),
                                                                    ("right", "u4"), ("is_leaf", "u1"),
                                                                    ("is_categorical", "u1"), ("bitset_idx", "u4"),
                                                                ])
                                                            }
                                                        }
                                                    ),
                                                    (
                                                        "raw_left_cat_bitsets",
                                                        {
                                                            $0.array(
                                                                words, type: "u4",
                                                                shape: [words.count / wordsPerSet, wordsPerSet])
                                                        }
                                                    ),
                                                ])
                                        }
                                    ])
                                }
                            ])
                        }
                    ),
                ])
        }
    }

    @Test("A sound one is walked")
    func sound() throws {
        let model = try Model(file: histogram())
        for (value, answer) in [(1.0, 10.5), (0, 20.5), (2, 20.5), (3, 20.5), (257, 10.5), (.nan, 20.5)] {
            #expect(
                try model.predict(Table(row: [value, 0]), probabilities: false)
                    == .regression(Matrix(rows: 1, columns: 1, values: [answer])))
        }
    }

    @Test("Sets of categories that don't exist, and features that are no categories")
    func sets() {
        let part = "HistGradientBoostingRegressor._predictors: "
        for set in [1, 7, Int(UInt32.max)] {
            #expect(flaw(histogram(set: set)) == part + "node 0 with a feature that doesn't exist, not a tree")
        }
        #expect(flaw(histogram(words: []))?.hasPrefix(part + "node 0 with a feature") == true)
        #expect(flaw(histogram(wordsPerSet: 4))?.hasSuffix("not a tree with sets of 256 categories") == true)
        #expect(flaw(histogram(mask: [0, 1]))?.hasSuffix("not tests of categories for categories only") == true)
        #expect(flaw(histogram(mask: [0, 0]))?.hasSuffix("not tests of categories for categories only") == true)
        #expect(flaw(histogram(feature: 2))?.hasSuffix("not tests of categories for categories only") == true)
        #expect(
            flaw(histogram(isCategorical: false, feature: -1))
                == part + "node 0 with a feature that doesn't exist, not a tree")
    }

    @Test("Categories beyond 255, and masks of another length", arguments: [-1, 256, 1e300, .nan])
    func categories(value: Double) {
        #expect(flaw(histogram(known: [value]))?.hasSuffix("not categories from 0 to 255") == true)
        #expect(flaw(histogram(mask: [1]))?.hasSuffix("not a bin mapper of 2 features") == true)
    }
}
