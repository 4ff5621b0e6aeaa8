import Estimators
import Testing

@Suite("Models")
struct ModelTests {
    @Test("Every estimator, protocol and layout answers as scikit-learn does, within 1e-12", arguments: Fixture.all)
    func equality(fixture: Fixture) throws {
        let model = try Model(file: fixture.pickle)
        #expect(model.classes.map(\.description) == fixture.classes)
        #expect(model.features.count == fixture.rows[0].count)
        for (index, row) in fixture.rows.enumerated() {
            let prediction = try model.predict(row)
            #expect(model.classes[prediction.classIndex].description == fixture.labels[index])
            for (ours, theirs) in zip(prediction.probabilities, fixture.probabilities[index]) {
                #expect(abs(ours - theirs) <= 1e-12, "row \(index)")
            }
        }
    }

    @Test("The shipped models load and know their classes", arguments: ["v1.0.0", "v1.1.0"])
    func shippedModels(version: String) throws {
        let model = try Model(file: Fixture.shippedModel(version))
        #expect(model.classes == [.string("setosa"), .string("versicolor"), .string("virginica")])
        #expect(model.features.count == 4)
        #expect(model.steps == ["LogisticRegression"])
    }

    @Test("The steps of a pipeline are told in order, pass-throughs left out")
    func steps() throws {
        let model = try Model(file: Fixture.named("nested-protocol4.pkl").pickle)
        #expect(model.steps == ["MinMaxScaler", "LogisticRegression"])
    }

    @Test("Attributes that no prediction needs are told, with what they are and where", arguments: Fixture.all)
    func ignored(fixture: Fixture) throws {
        let model = try Model(file: fixture.pickle)
        guard fixture.file.hasPrefix("unneeded") else {
            #expect(model.ignored.isEmpty)
            return
        }
        #expect(model.ignored.count == 16)
        #expect(
            model.ignored.contains { text in
                text.contains(" 'random_state' at byte ") && text.contains("__randomstate_ctor'")
            })
        #expect(model.ignored.allSatisfy { $0.utf8.count < 600 })
    }

    @Test("A row with another number of features", arguments: [0, 3, 5, 1000])
    func featureCount(count: Int) throws {
        let model = try Model(file: Fixture.shippedModel("v1.0.0"))
        let row = [Double](repeating: 1, count: count)
        #expect(throws: FeatureError.row(0, .count(found: count, expected: 4))) { try model.predict(row) }
    }

    @Test("NaN and infinity are refused with the feature's place", arguments: [Double.infinity, -.infinity])
    func notFinite(value: Double) throws {
        let model = try Model(file: Fixture.shippedModel("v1.0.0"))
        let row = [1, 2, value, 4]
        #expect(throws: FeatureError.row(0, .notFinite(Feature(index: 2), value: value))) { try model.predict(row) }
        let error = #expect(throws: FeatureError.self) { try model.predict([1, .nan, 3, 4]) }
        #expect(error?.description == "row 0: feature 1 is NaN, not a finite number")
    }

    @Test("Features so large that the scores overflow are refused, not answered with NaN")
    func overflow() throws {
        let model = try Model(file: Fixture.shippedModel("v1.0.0"))
        #expect(throws: FeatureError.row(0, .overflow)) { try model.predict([1e308, 1e308, -1e308, 1e308]) }
    }

    @Test("Probabilities of one row add up to 1", arguments: Fixture.all)
    func sum(fixture: Fixture) throws {
        let model = try Model(file: fixture.pickle)
        for row in fixture.rows {
            let prediction = try model.predict(row)
            #expect(abs(prediction.probabilities.reduce(0, +) - 1) <= 1e-12)
            #expect(prediction.probabilities.allSatisfy { (0...1).contains($0) })
        }
    }
}

extension Model {
    /// A classifier's classes.
    var classes: [ClassLabel] {
        if case .classification(let classes, _) = task { classes } else { [] }
    }

    /// A classifier's answer for one row.
    func predict(_ row: [Double]) throws(FeatureError) -> (classIndex: Int, probabilities: [Double]) {
        guard case .classification(let answer) = try predict(Table(row: row), probabilities: true) else {
            preconditionFailure("a regressor")
        }
        return (answer.classIndices[0], answer.probabilities?.values ?? [])
    }
}
