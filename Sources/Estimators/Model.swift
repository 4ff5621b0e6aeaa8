import ModelFiles
import Pickle

/// A fitted scikit-learn model: a classifier or regressor, alone or behind other steps.
///
/// It gives the same answers as the library that wrote it. A value that never changes; any number of threads may predict
/// with it at once.
package struct Model: Sendable {
    /// What a model predicts.
    package enum Task: Sendable, Equatable {
        /// One of these classes for each row, in the model's own order; with the probability of each, if the model knows
        /// it.
        case classification(classes: [ClassLabel], hasProbabilities: Bool)
        /// Numbers for each row.
        case regression(RegressionTarget)
    }

    /// A model's answer for a table.
    package enum Answer: Sendable, Equatable {
        case classification(Classification)
        /// A row for each row, and a column for each number.
        case regression(Matrix)
    }

    private enum Predictor {
        case classifier(any Classifier)
        case regressor(any Regressor)
        case function(Function)
    }

    /// Answers for a table; told whether the classes' probabilities are asked for.
    package typealias Function = @Sendable (Table, Bool) throws(FeatureError) -> Answer

    private let predictor: Predictor

    package let task: Task

    /// The features that a row has.
    package let features: Features

    /// The model's estimators in order, for example `["StandardScaler", "LogisticRegression"]`.
    package let steps: [String]

    /// The first of the attributes that the reader doesn't understand and no prediction needs, each with its kind and
    /// its place in the file.
    package let ignored: [String]

    /// A measure of the time that one row takes, in nanoseconds, within a factor of three or so.
    package let nanosecondsPerRow: Int

    /// Reads a model from the bytes of a file.
    ///
    /// - Parameters:
    ///   - bytes: What `pickle.dump`, `joblib.dump` or `skops.io.dump` wrote: see ``ModelFormat``.
    ///   - limits: What reading may cost; nil for what the file's size allows.
    /// - Throws: ``ModelError`` that says what was found and at which byte.
    package init(file bytes: [UInt8], limits: PickleLimits? = nil) throws(ModelError) {
        self = try ModelFile.read(bytes, limits: limits) { document throws(ModelError) in try Model(document) }
    }

    private init(_ document: PickledDocument) throws(ModelError) {
        var reader = ModelReader(document)
        switch try reader.estimator(document.root, part: "model") {
        case .classifier(let classifier):
            predictor = .classifier(classifier)
            task = .classification(classes: classifier.classes, hasProbabilities: classifier.hasProbabilities)
            features = classifier.features
            nanosecondsPerRow = classifier.nanosecondsPerRow
        case .regressor(let regressor):
            predictor = .regressor(regressor)
            task = .regression(regressor.target)
            features = regressor.features
            nanosecondsPerRow = regressor.nanosecondsPerRow
        case .transformer:
            throw .unusable(
                part: "model", found: "no estimator that predicts", expected: "a classifier or regressor at the end",
                offset: document.offset(of: document.root))
        }
        steps = reader.steps
        ignored = reader.ignored
    }

    /// A model that isn't read from a file: a stand-in, for the tests of what is built on models.
    ///
    /// - Parameter answer: answers by the task; asked for probabilities only if the task has them.
    package init(
        task: Task, features: Features, nanosecondsPerRow: Int = 1, answer: @escaping Function
    ) {
        predictor = .function(answer)
        self.task = task
        self.features = features
        self.nanosecondsPerRow = nanosecondsPerRow
        steps = []
        ignored = []
    }

    /// Predicts every row of a table, which has at least one.
    ///
    /// - Parameter probabilities: whether the classes' probabilities are asked for; ignored if the model has none.
    /// - Throws: ``FeatureError`` if a row is not one that the model takes.
    package func predict(_ table: Table, probabilities: Bool) throws(FeatureError) -> Answer {
        switch predictor {
        case .classifier(let classifier):
            let answer = try classifier.classify(table, probabilities: probabilities && classifier.hasProbabilities)
            if let probabilities = answer.probabilities { try Self.checkOverflow(probabilities) }
            return .classification(answer)
        case .regressor(let regressor):
            let answer = try regressor.predict(table)
            try Self.checkOverflow(answer)
            return .regression(answer)
        case .function(let function):
            if case .classification(_, hasProbabilities: true) = task { return try function(table, probabilities) }
            return try function(table, false)
        }
    }

    private static func checkOverflow(_ answer: Matrix) throws(FeatureError) {
        guard let place = answer.values.firstIndex(where: { !$0.isFinite }) else { return }
        throw .row(place / answer.columns, .overflow)
    }
}
