import Estimators
import Testing

@Suite("Models of LightGBM that can't be used")
struct LightGBMErrorTests {
    private func flaw(_ file: String, replacing old: String, with new: String) throws -> String? {
        precondition(old.utf8.count == new.utf8.count)
        var bytes = try #require(Answers.all.first { $0.family == "lightgbm" && $0.file == file }).bytes
        let places = bytes.indices.filter { bytes[$0...].starts(with: old.utf8) }
        #expect(!places.isEmpty)
        for place in places { bytes.replaceSubrange(place..<place + old.utf8.count, with: new.utf8) }
        do {
            _ = try Model(file: bytes)
            return nil
        } catch {
            guard case .unusable(let part, let found, let expected, let offset) = error else { return "\(error)" }
            #expect((0..<bytes.count).contains(offset))
            return "\(part): \(found), not \(expected)"
        }
    }

    @Test("What isn't served is refused by name")
    func options() throws {
        #expect(
            try flaw("poisson-1.9.1.pkl", replacing: "objective=poisson", with: "objective=poisons")
                == "LGBMRegressor._Booster: the objective 'poisons', not 'binary', 'multiclass', 'regression' or another "
                + "of LightGBM's objectives by name")
        #expect(
            try flaw("numbers-1.9.1.pkl", replacing: "is_linear=0", with: "is_linear=1")
                == "LGBMRegressor._Booster: tree 0 with linear models in its leaves, not linear_tree=False")
        #expect(
            try flaw("numbers-1.6.1.pkl", replacing: "tree\nversion", with: "leaf\nversion")
                == "LGBMRegressor._Booster: a model of another format, not the text of a model of LightGBM")
        #expect(
            try flaw("two-1.9.1.pkl", replacing: "sigmoid:1", with: "sigmoid:x")?
                .hasPrefix("LGBMClassifier._Booster: the objective 'binary sigmoid:x'") == true)
        #expect(
            try flaw("words-1.9.1.pkl", replacing: "num_tree_per_iteration=3", with: "num_tree_per_iteration=1")
                == "LGBMClassifier._classes: an array of shape [3], not classes for 1 sums")
    }

    @Test("Trees that are none")
    func trees() throws {
        #expect(
            try flaw("numbers-1.9.1.pkl", replacing: "left_child", with: "lift_child")
                == "LGBMRegressor._Booster: tree 0 without all its properties, not a tree's nodes")
        for count in ["0", "9", "x", "-"] {
            #expect(
                try flaw("numbers-1.9.1.pkl", replacing: "num_leaves=6", with: "num_leaves=" + count)
                    == "LGBMRegressor._Booster: tree 0 without all its properties, not a tree's nodes")
        }
        #expect(
            try flaw("categories-1.9.1.pkl", replacing: "cat_boundaries=0", with: "cat_boundaries=7")?
                .hasSuffix("with categories that don't fit, not a set for each test of them") == true)
        #expect(
            try flaw("numbers-1.9.1.pkl", replacing: "max_feature_idx=4", with: "max_feature_idx=0")
                == "LGBMRegressor._Booster: 5 names of features, not 1")
        #expect(
            try flaw("numbers-1.9.1.pkl", replacing: "max_feature_idx=4", with: "max_feature_idx=x")
                == "LGBMRegressor._Booster: a model of another format, not the text of a model of LightGBM")
    }
}
