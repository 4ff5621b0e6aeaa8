import Pickle

/// A fitted scikit-learn classifier: a `LogisticRegression`, alone or at the end of a `Pipeline` of scalers.
///
/// It gives the same answers as the library that wrote it: `predict` and `predict_proba`, one row at a time. A value
/// that never changes; any number of threads may predict with it at once.
package struct ClassificationModel: Sendable {
    private let scalers: [Scaler]
    private let classifier: LogisticRegression

    /// The classes in the model's own order.
    package var classes: [ClassLabel] { classifier.classes }

    /// The number of features in a row.
    package var featureCount: Int { classifier.featureCount }

    /// The model's estimators in order, for example `["StandardScaler", "LogisticRegression"]`.
    package let steps: [String]

    /// The first of the attributes that the reader doesn't understand and no prediction needs, each with its kind and
    /// its place in the file.
    package let ignored: [String]

    /// Reads a model from the bytes of a pickle.
    ///
    /// - Parameters:
    ///   - bytes: The file that `pickle.dump` or an uncompressed `joblib.dump` wrote.
    ///   - limits: What reading may cost.
    /// - Throws: ``ModelError`` that says what was found and at which byte.
    package init(pickle bytes: [UInt8], limits: PickleLimits = .standard) throws(ModelError) {
        let document: PickledDocument
        do {
            document = try PickleReader.read(bytes, allowing: EstimatorKind.allNames, limits: limits)
        } catch {
            throw .pickle(error)
        }
        var estimators: [PickledEstimator] = []
        try Self.collect(document.root, of: document, part: "model", depth: 0, into: &estimators)
        guard let last = estimators.popLast(), last.kind == .logisticRegression else {
            throw .unusable(
                part: "model", found: "no classifier at the end", expected: "a LogisticRegression",
                offset: document.offset(of: document.root))
        }
        classifier = try LogisticRegression(last)

        var scalers: [Scaler] = []
        for estimator in estimators {
            switch estimator.kind {
            case .standardScaler:
                scalers.append(.standard(try StandardScaler(estimator)))
            case .minMaxScaler:
                scalers.append(.minMax(try MinMaxScaler(estimator)))
            case .logisticRegression, .pipeline:
                throw .unusable(
                    part: "Pipeline.steps", found: "a \(estimator.kind.rawValue)",
                    expected: "a scaler before the last step", offset: estimator.offset)
            }
            guard scalers.last?.featureCount == classifier.featureCount else {
                throw estimator.disagreement(about: "this step and the classifier")
            }
        }
        ignored = (estimators + [last]).reduce(into: []) { ignored, estimator in
            ignored += estimator.opaqueAttributes(limit: Self.mostIgnored - ignored.count)
        }
        self.scalers = scalers
        steps = estimators.map(\.kind.rawValue) + [last.kind.rawValue]
    }

    /// Lists a model's estimators in the order in which a row passes them; nested pipelines are unfolded.
    private static func collect(
        _ value: PickledValue, of document: PickledDocument, part: String, depth: Int,
        into estimators: inout [PickledEstimator]
    ) throws(ModelError) {
        let estimator = try PickledEstimator(value, in: document, part: part)
        guard estimator.kind == .pipeline else {
            estimators.append(estimator)
            return
        }
        let value = try estimator.required("steps")
        // These two limits keep a pipeline finite that contains itself, or one step a million times.
        guard depth < deepestPipeline, let steps = document.list(value), steps.count <= mostSteps - estimators.count
        else {
            throw estimator.unusable(
                "steps", value, expected: "a list of at most \(mostSteps) steps, \(deepestPipeline) pipelines deep")
        }
        for step in steps {
            guard let pair = document.tuple(step), pair.count == 2, case .string(let name) = pair[0] else {
                throw estimator.unusable("steps", step, expected: "a pair of name and estimator")
            }
            if pair[1] == .none || pair[1] == .string("passthrough") { continue }
            try collect(
                pair[1], of: document, part: "Pipeline step \(quoted(name))", depth: depth + 1, into: &estimators)
        }
    }

    private static let mostIgnored = 16
    private static let deepestPipeline = 4
    private static let mostSteps = 64

    /// Classifies one row.
    ///
    /// Allocates only the array of probabilities.
    ///
    /// - Throws: ``FeatureError`` if the row has a different number of features, NaN or infinity.
    package func predict(_ features: Span<Double>) throws(FeatureError) -> Prediction {
        guard features.count == featureCount else {
            throw .count(found: features.count, expected: featureCount)
        }
        for index in features.indices where !features[index].isFinite {
            throw .notFinite(index: index, value: features[index])
        }
        let prediction = unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: featureCount) { row in
            for index in features.indices { unsafe row.initializeElement(at: index, to: features[index]) }
            for scaler in scalers { unsafe scaler.transform(row) }
            var probabilities = [Double](repeating: 0, count: classes.count)
            let classIndex = unsafe classifier.predict(row, into: &probabilities)
            return Prediction(classIndex: classIndex, probabilities: probabilities)
        }
        guard prediction.probabilities.allSatisfy(\.isFinite) else { throw .overflow }
        return prediction
    }
}

/// A model's answer for one row.
package struct Prediction: Sendable, Hashable {
    /// Index of the predicted class among the model's classes.
    package let classIndex: Int

    /// The probability of each class, in the model's order; they add up to 1.
    package let probabilities: [Double]
}
