import Estimators
import Testing

@Suite("Ensembles that can't be used")
struct EnsembleErrorTests {
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

    private func model(
        _ file: String, replacing old: String, with new: String, lastOnly: Bool = false
    ) throws -> [UInt8] {
        precondition(old.utf8.count == new.utf8.count)
        var bytes = try #require(Answers.all.first { $0.file == file }).bytes
        let places = bytes.indices.filter { bytes[$0...].starts(with: old.utf8) }
        #expect(!places.isEmpty)
        for place in lastOnly ? Array(places.suffix(1)) : places {
            bytes.replaceSubrange(place..<place + old.utf8.count, with: new.utf8)
        }
        return bytes
    }

    private static let tree = PickledNodes([PickledNodes.leaf])

    /// A `VotingRegressor` or the like, with attributes besides its members.
    private func ensemble(
        _ module: String, _ name: String, members: @escaping (inout ModelPickle) -> Void,
        _ attributes: [(String, (inout ModelPickle) -> Void)]
    ) -> [UInt8] {
        ModelPickle.bytes { $0.instance(module, name, [("estimators_", members)] + attributes) }
    }

    @Test("An option that isn't known is refused by name")
    func options() throws {
        #expect(
            flaw(try model("voting-soft-1.9.1.pkl", replacing: "soft", with: "loud"))
                == "VotingClassifier.voting: the string 'loud', not 'hard' or 'soft'")
        #expect(
            flaw(try model("stacking-decisions-1.9.1.pkl", replacing: "decision_function", with: "decision_functiom"))
                == "StackingClassifier.stack_method_: the string 'decision_functiom', "
                + "not one that the estimator has here")
        #expect(
            flaw(try model("calibrated-isotonic-1.9.1.pkl", replacing: "isotonic", with: "tropical"))
                == "CalibratedClassifierCV.calibrated_classifiers_: the string 'tropical', "
                + "not the method 'sigmoid', 'isotonic' or 'temperature'")
        #expect(
            flaw(try model("rest-1.9.1.pkl", replacing: "multiclass", with: "multilabel", lastOnly: true))?.hasSuffix(
                "not one for one class a row (several are not supported)") == true)
        #expect(
            flaw(
                try model(
                    "calibrated-boosting-1.9.1.pkl", replacing: "GradientBoostingClassifier",
                    with: "GradientBoostingClassifyer"))
                == "CalibratedClassifierCV.calibrated_classifiers_: "
                + "a value made by 'sklearn.ensemble._gb.GradientBoostingClassifyer', not an estimator")
    }

    @Test("No members, and the same one without end")
    func members() {
        #expect(
            flaw(
                ensemble(
                    "sklearn.ensemble._voting", "VotingRegressor", members: { $0.list([]) },
                    [("weights", { $0.none() })]))
                == "VotingRegressor.estimators_: a list of 0 items, not a list of at least one estimator")
        let many: (inout ModelPickle) -> Void = { pickle in
            pickle.opcodes("](")
            Self.tree.write(&pickle)
            for _ in 0..<90_000 { pickle.opcodes("2") }
            pickle.opcodes("e")
        }
        // What a file refers to several times is read once.
        let endless = ensemble(
            "sklearn.multioutput", "MultiOutputRegressor", members: many, [("n_features_in_", { $0.integer(2) })])
        #expect(flaw(endless) == nil)
    }

    @Test("Features that don't exist")
    func features() {
        for feature in [2, -1, Int.max] {
            let bytes = ensemble(
                "sklearn.ensemble._bagging", "BaggingRegressor", members: { $0.list([{ Self.tree.write(&$0) }]) },
                [
                    ("n_features_in_", { $0.integer(2) }),
                    ("estimators_features_", { $0.list([{ $0.array([0, feature], type: "i8") }]) }),
                ])
            #expect(
                flaw(bytes)
                    == "BaggingRegressor.estimators_features_: an array of shape [2], not the places of 2 features")
        }
    }

    @Test("Many estimators that share one long array are refused before they take memory")
    func shared() {
        let labels = [Double](repeating: 1, count: 100_000)
        let bytes = ModelPickle.bytes { pickle in
            pickle.instance(
                "sklearn.ensemble._voting", "VotingClassifier",
                [
                    ("classes_", { $0.array([0.0, 1]) }),
                    (
                        "estimators_",
                        { pickle in
                            pickle.array(labels)
                            pickle.opcodes("\u{71}\u{0}0](")
                            for _ in 0..<5_000 {
                                pickle.instance(
                                    "sklearn.dummy", "DummyClassifier",
                                    [
                                        ("strategy", { $0.string("prior") }), ("classes_", { $0.opcodes("h\u{0}") }),
                                        ("class_prior_", { $0.opcodes("h\u{0}") }),
                                    ])
                            }
                            pickle.opcodes("e")
                        }
                    ),
                ])
        }
        #expect(flaw(bytes) == "DummyClassifier: one use more of the same values, not values of its own")
    }
}
